package main

import (
	"strings"
	"testing"
)

// TestCommandsByTheirNamesElsewhere: each leads to a command that there is, and has a name
// that there is not.
func TestCommandsByTheirNamesElsewhere(t *testing.T) {
	commands := map[string]bool{}
	for _, c := range newRoot().Commands() {
		commands[c.Name()] = true
	}
	for name, same := range elsewhere {
		if commands[name] || !commands[same] {
			t.Errorf("%s leads to %s: commands %v and %v", name, same, commands[name], commands[same])
		}
	}
	root := newRoot()
	root.SetArgs([]string{"pause"})
	if err := root.Execute(); err == nil || !strings.Contains(err.Error(), `there is no command "pause"; did you mean "freeze"?`) {
		t.Errorf("havn pause: %v", err)
	}
}
