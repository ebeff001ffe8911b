package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
)

// hostile is what a container may print: a title, the clipboard, a clear screen, a
// forged line, a turned one, and a C1 control as a byte and as a character.
const hostile = "\x1b]0;x\x07\x1b]52;c;eA==\x07\x1b[2J\rsite  havn: converged\b\u202e\x9b31m\u009b"

// Whatever comes from elsewhere, no text command writes what a terminal acts on.
func TestTextCommandsWriteNothingThatActs(t *testing.T) {
	var out bytes.Buffer
	w := visible{&out}
	s := console.Status{
		Running: true, Unknown: hostile, Blocked: []string{hostile}, Source: &console.Source{Address: hostile, Problem: hostile, Accepted: &console.Commit{Subject: hostile, Author: hostile}},
		Services: []console.Service{{Name: "web", Detail: hostile, Log: []string{hostile}, Waits: []plan.Wait{{Why: hostile}}, Replicas: []console.Replica{{Probe: hostile, Answer: hostile}}}},
	}
	r := model.Road{Changes: []model.Change{{Service: "web", Kind: model.Updated, Fields: []plan.Change{{Field: "image", Old: hostile, New: hostile}}}}}
	for name, write := range map[string]func() error{
		"status":  func() error { return printStatus(w, s) },
		"history": func() error { return printHistory(w, []journal.Event{{Act: hostile, Why: hostile, Err: hostile}}) },
		"plan":    func() error { return printRoad(w, r, []string{hostile}) },
		"json":    func() error { return printJSON(w, s) },
	} {
		out.Reset()
		if err := write(); err != nil {
			t.Fatal(err)
		}
		for _, c := range out.String() {
			if acts(c) || c == '\ufffd' {
				t.Errorf("%s writes %U in %q", name, c, out.String())
				break
			}
		}
		if name == "json" && !json.Valid(out.Bytes()) {
			t.Errorf("not JSON any more: %s", out.String())
		}
	}
	out.Reset()
	if _, err := fmt.Fprint(raw(w), hostile); err != nil || out.String() != hostile {
		t.Errorf("raw writes %q, %v", out.String(), err)
	}
	if got := printable("tab\tand line\nøæ"); got != "tab\tand line\nøæ" {
		t.Errorf("%q", got)
	}
	if got := printable("\x1b"); !strings.Contains(got, `\u001b`) {
		t.Errorf("%q", got)
	}
}
