package gitops

import (
	"errors"
	"testing"

	"havn.internal/gitops/origin"
)

func TestEarlierCommitsCanBeGoneBackTo(t *testing.T) {
	r := origin.New(t)
	unseen := r.Commit(site(0))
	first := r.Commit(site(1))
	f := follow(t, options(t, r.URL()))
	f.accepts(first)
	middle := r.Commit(site(2))
	last := r.Commit(site(3))
	f.accepts(last)
	ctx := t.Context()
	for _, id := range []string{first, middle, last} {
		rev, err := f.Earlier(ctx, id[:9])
		if err != nil || rev.Commit != id {
			t.Fatalf("%s: %+v, %v", id, rev, err)
		}
	}
	rev, err := f.Earlier(ctx, middle)
	if got := contentOf(t, rev, "site.cue"); err != nil || got != site(2)["site.cue"] || rev.Subject == "" {
		t.Errorf("%q, %+v, %v", got, rev, err)
	}
	if a := f.Status().Accepted; a.Commit != last {
		t.Errorf("to look at one has changed what is accepted: %+v", a)
	}
	// A commit that was fetched and is held is none, and what was never fetched is not known.
	r.Git("reset", "-q", "--hard", first)
	forced := r.Commit(site(4))
	f.holds("does not descend")
	if _, err := f.Earlier(ctx, forced); !errors.Is(err, ErrNotEarlier) {
		t.Errorf("a held commit: %v", err)
	}
	if _, err := f.Earlier(ctx, unseen); err == nil {
		t.Error("a commit that was never fetched is taken")
	}
}
