package journal_test

import (
	"fmt"
	"math/rand"
	"reflect"
	"slices"
	"testing"

	"havn.internal/reconciler/journal"
	"havn.internal/spec"
)

// revision is a site of its own.
func revision(name string) spec.Site {
	return spec.Site{Revision: name, Services: map[string]spec.Service{"web": {Name: "web", Image: "web:" + name}}}
}

func names(known []journal.Known) []string {
	var out []string
	for _, k := range known {
		out = append(out, k.Revision)
	}
	return out
}

func TestSitesAreKeptWithTheirImages(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	for _, r := range []string{"a", "b", "c"} {
		j.Remember(revision(r), journal.Origin{Subject: "subject " + r, Author: "Ada"})
		j.Pin(r, "web:"+r, "sha256:"+r)
	}
	j.SetGood("b")
	for range 2 {
		j = reopen(t, dir, j)
		known := j.Sites()
		if !reflect.DeepEqual(names(known), []string{"a", "b", "c"}) {
			t.Fatalf("the sites are %v", names(known))
		}
		b := known[1]
		if !b.Good || known[0].Good || b.Subject != "subject b" || b.Author != "Ada" || b.At.IsZero() ||
			!reflect.DeepEqual(b.Site.Services, revision("b").Services) || b.Images["web:b"] != "sha256:b" {
			t.Errorf("the site is %+v", b)
		}
	}
	if p := j.Pins("a"); p["web:a"] != "sha256:a" {
		t.Errorf("the pins of an earlier revision are %v", p)
	}
}

// What is delivered again after a restart is not news, also if something was applied
// by hand meanwhile; what comes back after another is.
func TestOrderOfSites(t *testing.T) {
	j := open(t, t.TempDir())
	source, hand := journal.Origin{}, journal.Origin{From: "/root/site"}
	j.Remember(revision("a"), source)
	j.Remember(revision("b"), source)
	j.Remember(revision("hand"), hand)
	j.Remember(revision("b"), source)
	j.Remember(revision("hand"), hand)
	if got := names(j.Sites()); !slices.Equal(got, []string{"a", "b", "hand"}) {
		t.Errorf("after a restart: %v", got)
	}
	j.Remember(revision("a"), source)
	if got := names(j.Sites()); !slices.Equal(got, []string{"b", "hand", "a"}) {
		t.Errorf("after one that came back: %v", got)
	}
}

func TestSitesAreBounded(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	for i := range 30 {
		r := fmt.Sprintf("r%02d", i)
		j.Remember(revision(r), journal.Origin{})
		j.Pin(r, "web:"+r, "sha256:1")
	}
	j = reopen(t, dir, j)
	known := j.Sites()
	if len(known) != 20 || known[0].Revision != "r10" || known[19].Revision != "r29" {
		t.Fatalf("the sites are %v", names(known))
	}
	if len(j.Pins("r09")) != 0 || len(j.Pins("r10")) != 1 {
		t.Error("images are kept of a revision that is not, or lost of one that is")
	}
	// Noise can't be packed: three such sites are more than there is room for.
	noise := make([]byte, 3<<20)
	rand.New(rand.NewSource(1)).Read(noise)
	for i := range 3 {
		s := revision(fmt.Sprintf("large%d", i))
		s.Services["web"] = spec.Service{Name: "web", Command: []string{fmt.Sprintf("%x", noise)}}
		j.Remember(s, journal.Origin{})
	}
	j = reopen(t, dir, j)
	if got := names(j.Sites()); !slices.Equal(got, []string{"large1", "large2"}) {
		t.Errorf("the sites are %v", got)
	}
}
