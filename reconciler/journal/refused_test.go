package journal_test

import (
	"testing"

	"havn.internal/spec"
)

// What is refused at each poll is written down once, and again if it is for another
// reason, or after it was taken.
func TestRefusedOnce(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	j.SetSite(spec.Site{Revision: "good"})
	for range 3 {
		j.Refused("r1", "not signed")
		j = reopen(t, dir, j)
	}
	j.Refused("r1", "not a descendant")
	j.Taken("r1", "accepted")
	j.Refused("r1", "not a descendant")
	for range 3 {
		j.Refused("", "the branch is gone")
	}
	var got []string
	for _, e := range events(t, j, "", 100) {
		if e.Err != "" {
			got = append(got, e.Revision+" "+e.Err)
		}
	}
	want := []string{"r1 not signed", "r1 not a descendant", "r1 not a descendant", "good the branch is gone"}
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
}

// What was proven is known by the log, also of releases before the last good one.
func TestProven(t *testing.T) {
	j := open(t, t.TempDir())
	fill(j)
	if p := j.Proven("web", "s"); !p[release.Fingerprint("s").Short()] {
		t.Errorf("proven are %v", p)
	}
	if p := j.Proven("nobody", "s"); len(p) != 0 {
		t.Errorf("of nobody are proven %v", p)
	}
}
