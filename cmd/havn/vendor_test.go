package main

import "testing"

// TestExampleIsCurrent: the example site has this schema and bind.cue, so what the
// stock cue finds there is what havn finds.
func TestExampleIsCurrent(t *testing.T) {
	for _, note := range checkNotes("../../e2e/site") {
		t.Error(note)
	}
}
