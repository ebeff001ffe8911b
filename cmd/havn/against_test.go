package main

import (
	"strings"
	"testing"
	"time"

	"havn.internal/reconciler/snapshot"
	"havn.internal/spec"
)

// What a plan against a snapshot rests on is said, and nothing is said twice.
func TestAPlanSaysWhatItRestsOn(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 0, 0, time.UTC)
	s := snapshot.Snapshot{Site: "acme", At: at, Host: spec.Host{Name: "web-1"}, Images: map[string]snapshot.Image{"redis:8": {ID: "sha256:1"}}}
	site := spec.Site{Services: map[string]spec.Service{
		"web":   {Image: "web:2"},
		"redis": {Image: "docker.io/library/redis:8"},
	}}
	lacks := "service web: image web:2 was not on the host; the plan takes it that it can be pulled"
	for name, c := range map[string]struct {
		after time.Duration
		want  []string
	}{
		"fresh":  {0, []string{lacks}},
		"old":    {49 * time.Hour, []string{"warning: the snapshot is old", lacks}},
		"future": {-time.Hour, []string{"warning: the snapshot is from the future", lacks}},
	} {
		notes := snapshotNotes(s, site, at.Add(c.after))
		if !strings.HasPrefix(notes[0], "the plan is for host web-1, site acme, as of 2030-01-02 03:04 UTC (") {
			t.Errorf("%s: %s", name, notes[0])
		}
		notes = notes[1:]
		if len(notes) != len(c.want) {
			t.Errorf("%s: %q", name, notes)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(notes[i], want) {
				t.Errorf("%s: %q, want %q", name, notes[i], want)
			}
		}
	}
}
