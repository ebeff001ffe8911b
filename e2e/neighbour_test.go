//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// Two sites with services of the same name live on one machine and know nothing
// of each other.
func TestTwoHavnsSideBySide(t *testing.T) {
	a := running(t, web("1"), "1", "2")
	b := prepare(t)
	b.write(web("1"))
	b.start()
	b.converge()
	b.load("web.test", "web", "1")
	before := b.containers()
	a.apply(web("2", "replicas: 2"))
	a.answers("2")
	if after := b.containers(); strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("the neighbour's containers changed\nfrom %q\n  to %q", before, after)
	}
	a.finish()
	b.answers("1")
	b.finish()
}

// A second havn on the same state is refused, and the first goes on.
func TestASecondHavnOnOneStateIsRefused(t *testing.T) {
	s := running(t, web("1"), "1", "2")
	for _, args := range [][]string{{"run", "--spec", s.dir}, {"down", "--yes"}} {
		if out, err := s.havn(args...); err == nil {
			t.Errorf("havn %s beside a running one: %s", args[0], out)
		}
	}
	// The directory that the one that runs follows is handed to it, and pins nothing.
	if out, err := s.havn("apply", s.dir); err != nil {
		t.Errorf("havn apply beside a running one: %v: %s", err, out)
	}
	s.apply(web("2"))
	s.answers("2")
	s.finish()
}

// An image made of a replica carries its labels along. What is made of that image
// is not havn's, and is not routed.
func TestACopyOfAReplicaIsForeign(t *testing.T) {
	s := running(t, web("1"), "1", "2")
	s.plantCopy(s.replicas("web")[0])
	s.apply(web("2", "replicas: 2"))
	s.answers("2")
	s.apply(web("1"))
	s.finish()
}
