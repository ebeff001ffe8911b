package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"havn.internal/gitops"
	"havn.internal/reconciler/journal"
	"havn.internal/spec"
)

// The pauses after a revision could not be evaluated for a reason that lies with the
// machine double from the first to the last.
const (
	firstEvaluateAgain = 2 * time.Second
	lastEvaluateAgain  = time.Minute
)

// An inbox holds the newest revision of the source that is not evaluated yet. Whoever
// puts one never waits, and one that can't be evaluated holds up none after it.
type inbox chan gitops.Revision

func newInbox() inbox { return make(inbox, 1) }

// put is for one goroutine alone.
func (in inbox) put(r gitops.Revision) {
	select {
	case skipped := <-in:
		r = after(skipped, r)
	default:
	}
	in <- r
}

// after is a revision that comes in place of one that was never evaluated, and whose
// images nobody knows.
func after(skipped, r gitops.Revision) gitops.Revision {
	if r.Same == skipped.ID {
		r.Same = skipped.Same
	}
	return r
}

// run has revisions evaluated until ctx ends: each that is put, unless a newer one is,
// and again what could not be.
func (in inbox) run(ctx context.Context, evaluate func(gitops.Revision) (done bool)) error {
	var r gitops.Revision
	var pause time.Duration // 0 is that r is done
	for {
		var again <-chan time.Time
		if pause > 0 {
			again = time.After(pause)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case newer := <-in:
			if pause > 0 {
				newer = after(r, newer)
			}
			r, pause = newer, 0
		case <-again:
		}
		if evaluate(r) {
			pause = 0
		} else {
			pause = min(max(2*pause, firstEvaluateAgain), lastEvaluateAgain)
		}
	}
}

// evaluate makes a revision the wanted one. If it is invalid, the site that was wanted
// before stays wanted; if nobody can say yet whether it is, it is not done.
func (d *daemon) evaluate(ctx context.Context, r gitops.Revision) (done bool) {
	begin := time.Now()
	revision, site, err := load(ctx, r, d.machine.self.host())
	if ctx.Err() != nil || errors.Is(err, errChanging) {
		return false
	}
	if err == nil {
		if !d.stays(ctx, r, loses(d.before(), site)) {
			return false
		}
		d.offer(r, site)
		d.taken(r, revision, time.Since(begin))
		return true
	}
	d.note(revision, err.Error())
	var problems spec.Problems
	if done = errors.As(err, &problems); done {
		d.news.invalid(revision, r, problems)
		d.journal.Refused(revision, "invalid: "+firstOf(problems))
		logProblems(d.log, revision, problems)
	} else {
		d.news.unread(revision, r, err)
		d.log.Error("can't evaluate the spec; what runs keeps running", "revision", revision, "err", err)
	}
	d.resume()
	return done
}

// errChanging: the directory is another one by now, which the source delivers when it is
// whole.
var errChanging = errors.New("the directory changes")

// load evaluates the host's part of a revision: a commit is known by its id, a
// directory by its content. It is known also if that fails.
func load(ctx context.Context, r gitops.Revision, host *spec.Host) (revision string, site spec.Site, err error) {
	snapshot, err := spec.TakeSnapshotIn(r.Dir, r.Inside)
	if r.Still != nil && !r.Still() {
		return r.ID, site, errChanging
	}
	if err != nil {
		return r.Commit, site, err
	}
	revision = cmp.Or(r.Commit, snapshot.Revision())
	snapshot.As = host
	site, err = snapshot.Evaluate(ctx)
	site.Revision = revision
	return revision, site, err
}

// unchanged takes over what tags stood for: a commit that is about others brings no
// new image here.
func (d *daemon) unchanged(r gitops.Revision, site spec.Site) {
	for ref, image := range d.journal.Pins(r.Same) {
		d.journal.Pin(site.Revision, ref, image)
	}
	d.log.Info("nothing of this host is another", "revision", site.Revision, "since", r.Same)
}

// taken notes a commit that is news, and what it took until it was the wanted one, or
// one that waits.
func (d *daemon) taken(r gitops.Revision, revision string, evaluate time.Duration) {
	if r.Took == (gitops.Took{}) {
		return
	}
	why := fmt.Sprintf("%q by %s", r.Subject, r.Author)
	if r.Signer != "" {
		why += ", signed by " + r.Signer
	}
	if s := d.Standing(); s.Waits == revision {
		why += "; it waits: " + s.Why
	}
	d.journal.Taken(revision, why,
		journal.Part{Name: "ask", Took: r.Took.Ask}, journal.Part{Name: "fetch", Took: r.Took.Fetch}, journal.Part{Name: "judge", Took: r.Took.Judge},
		journal.Part{Name: "export", Took: r.Took.Export}, journal.Part{Name: "evaluate", Took: evaluate})
}

// loggedProblems is how many mistakes of one revision the log tells; `havn check`
// tells all.
const loggedProblems = 20

func logProblems(log *slog.Logger, revision string, problems spec.Problems) {
	for _, p := range problems[:min(len(problems), loggedProblems)] {
		log.Error("the spec is invalid; what runs keeps running", "revision", revision, "problem", p.String())
	}
	if more := len(problems) - loggedProblems; more > 0 {
		log.Error("the spec is invalid; what runs keeps running", "revision", revision, "more", more)
	}
}
