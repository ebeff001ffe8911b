package journal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"sync"
	"testing"
	"time"

	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func open(t *testing.T, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(dir, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func reopen(t *testing.T, dir string, j *journal.Journal) *journal.Journal {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, dir)
}

var (
	bad     = plan.VerdictKey{Service: "web", Fingerprint: "0123456789abcdef"}
	release = spec.Release{ImageID: "sha256:1", Service: spec.Service{Name: "web", Image: "web:1", Env: map[string]string{"A": "1"},
		Health: spec.Health{Interval: spec.Duration(time.Second)}}}
	letter = json.RawMessage(`{"to":"somebody"}`)
	site   = spec.Site{Revision: "rev1", Services: map[string]spec.Service{"web": release.Service}}
)

// fill puts one of everything into a journal.
func fill(j *journal.Journal) {
	j.SetSite(site)
	_ = j.Condemn(plan.Condemn{Service: bad.Service, Fingerprint: bad.Fingerprint, Reason: "it crashed"})
	_ = j.Prove(plan.Prove{Service: "web", Fingerprint: "f", Release: release})
	j.Pin("rev1", "web:1", "sha256:1")
	j.SetGood("rev1")
	_ = j.Keep("letter", letter)
	j.Applied(plan.Step{Service: "web", Action: plan.Remove{Name: "web-1"}, Why: "it is old"}, time.Second, errors.New("busy"))
}

// whole fails the test unless the journal knows all that fill put into it.
func whole(t *testing.T, j *journal.Journal) {
	t.Helper()
	if v := j.Verdicts(); len(v) != 1 || v[bad].Reason != "it crashed" {
		t.Errorf("the verdicts are %v", v)
	}
	if good := j.LastGood(); !reflect.DeepEqual(good, map[string]spec.Release{"web": release}) {
		t.Errorf("the last good releases are %+v", good)
	}
	if p := j.Pins("rev1"); len(p) != 1 || p["web:1"] != "sha256:1" {
		t.Errorf("the pins are %v", p)
	}
	if s, known := j.Site(); !known || s.Revision != "rev1" || !reflect.DeepEqual(s.Services, site.Services) {
		t.Errorf("the site is %+v, %v", s, known)
	}
	if kept := j.Kept(); len(kept) != 1 || !bytes.Equal(kept["letter"], letter) {
		t.Errorf("the letters are %s", kept)
	}
	if j.Good() != "rev1" {
		t.Errorf("the good revision is %q", j.Good())
	}
}

func TestJournalRemembers(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	if _, known := j.Site(); known || len(j.Verdicts())+len(j.LastGood())+len(j.Pins("rev1")) != 0 || j.Good() != "" {
		t.Error("a new journal knows something")
	}
	fill(j)
	whole(t, j)
	j = reopen(t, dir, j)
	whole(t, j)
	if p := j.Pins("rev2"); len(p) != 0 {
		t.Errorf("another revision has the pins %v", p)
	}
	j.SetSite(spec.Site{Revision: "rev2"})
	j.Pin("rev2", "web:1", "sha256:2")
	if n := j.Clear("other") + j.Clear("web"); n != 1 {
		t.Errorf("%d verdicts were lifted, want 1", n)
	}
	j = reopen(t, dir, j)
	if v := j.Verdicts(); len(v) != 0 {
		t.Errorf("a verdict that was lifted is back: %v", v)
	}
	if p := j.Pins("rev1"); len(p) != 0 {
		t.Errorf("an older revision still has the pins %v", p)
	}
}

// One record for each act, with its cause, in order.
func TestEvents(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	fill(j)
	j.Applied(plan.Step{Action: plan.CreateNetwork{}, Why: "there is none"}, time.Millisecond, nil)
	want := []journal.Event{
		{Revision: "rev1", Act: "want revision rev1", Why: "1 service and 0 routes"},
		{Revision: "rev1", Act: "reach revision rev1", Why: "every service and route is as it says"},
		{Revision: "rev1", Service: "web", Act: "remove web-1", Why: "it is old", Took: time.Second, Err: "busy"},
		{Revision: "rev1", Act: "create network", Why: "there is none", Took: time.Millisecond},
	}
	for range 2 {
		equal(t, events(t, j, "", 100), want)
		equal(t, events(t, j, "", 2), want[2:])
		equal(t, events(t, j, "web", 100), want[2:3])
		j = reopen(t, dir, j)
		j.SetSite(site) // is no news
		j.SetGood("rev1")
	}
}

func events(t *testing.T, j *journal.Journal, service string, limit int) []journal.Event {
	t.Helper()
	list, err := j.Events(service, limit)
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if i > 0 && list[i].At.Before(list[i-1].At) {
			t.Errorf("event %d is older than the one before it", i)
		}
	}
	return list
}

func equal(t *testing.T, have, want []journal.Event) {
	t.Helper()
	for i := range have {
		have[i].At = time.Time{}
	}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("the events are %+v, want %+v", have, want)
	}
}

// Acts end at the same time, and each has its record; the oldest make room.
func TestManyEvents(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	const writers, each, kept = 12, 1000, 10_000
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				j.Applied(plan.Step{Service: fmt.Sprint(w), Action: plan.Remove{Name: fmt.Sprint(i)}}, 0, nil)
				if i%100 == 0 {
					_, _ = j.Events("", 1)
				}
			}
		})
	}
	all.Wait()
	j = reopen(t, dir, j)
	list := events(t, j, "", 2*kept)
	if len(list) != kept {
		t.Fatalf("%d events are kept, want %d", len(list), kept)
	}
	next := map[string]int{}
	for _, e := range list {
		var i int
		if _, err := fmt.Sscanf(e.Act, "remove %d", &i); err != nil {
			t.Fatal(err)
		}
		if n, known := next[e.Service]; known && i != n {
			t.Fatalf("writer %s: event %d comes after %d", e.Service, i, n-1)
		}
		next[e.Service] = i + 1
	}
}
