package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"havn.internal/gitops"
	"havn.internal/reconciler"
	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/model"
	"havn.internal/spec"
)

// A daemon is `havn run`: it turns revisions into sites, and tells what becomes
// of them.
type daemon struct {
	*host
	*desk
	machine *machine
	source  *sourceFlags
	hooks   *webhooks
	news    *announcer

	mu        sync.Mutex
	newest    gitops.Revision // of the source, and valid
	attempted string
	problem   string
	held      bool   // problem is that attempted is held by the source
	trouble   string // why the source gives nothing
	good      string
	told      string // what was last logged of the outcome
}

// open opens the source.
func (d *daemon) open(s *sourceFlags) (gitops.Source, error) {
	d.source = s
	if s.dir != "" {
		return s.directory(d.log, d.sourceProblem)
	}
	var err error
	d.git, err = s.git(d.machine.state, d.log, d.sourceProblem)
	return d.git, err
}

// loadRetry is the pause after a revision could not be evaluated for a reason
// that lies with the machine.
const loadRetry = 2 * time.Second

// deliver evaluates a revision and makes it the wanted one. If it is invalid, the
// site that was wanted before stays wanted.
func (d *daemon) deliver(ctx context.Context, r gitops.Revision) {
	for ctx.Err() == nil {
		begin := time.Now()
		revision, site, err := load(ctx, r, d.machine.self.host())
		var problems spec.Problems
		switch {
		case err == nil:
			d.offer(r, site)
			d.taken(r, revision, time.Since(begin))
			return
		case errors.As(err, &problems):
			d.note(revision, problems.Error())
			d.news.invalid(revision, r, problems)
			for _, p := range problems {
				d.log.Error("the spec is invalid; what runs keeps running", "revision", revision, "problem", p.String())
			}
			d.resume()
			return
		}
		d.note(revision, err.Error())
		d.news.unread(revision, r, err)
		d.log.Error("can't evaluate the spec; what runs keeps running", "err", err)
		d.resume()
		select {
		case <-ctx.Done():
		case <-time.After(loadRetry):
		}
	}
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

// load evaluates the host's part of a revision: a commit is known by its id, a
// directory by its content. It is known also if that fails.
func load(ctx context.Context, r gitops.Revision, host *spec.Host) (revision string, site spec.Site, err error) {
	snapshot, err := spec.TakeSnapshotIn(r.Dir, r.Inside)
	if err != nil {
		return r.Commit, site, err
	}
	revision = cmp.Or(r.Commit, snapshot.Revision())
	snapshot.As = host
	site, err = snapshot.Evaluate(ctx)
	site.Revision = revision
	return revision, site, err
}

func (d *daemon) note(revision, problem string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.attempted, d.problem, d.held = revision, problem, false
}

// sourceProblem is told why the source delivers nothing, and nil when that is over.
func (d *daemon) sourceProblem(err error) {
	d.news.source(err)
	held := new(gitops.Held)
	isHeld := errors.As(err, &held)
	d.mu.Lock()
	d.trouble = ""
	if err != nil && !isHeld {
		d.trouble = err.Error()
	}
	if d.held && !isHeld && err == nil {
		d.attempted, d.problem = "", ""
	}
	if isHeld {
		d.attempted, d.problem = held.Commit, held.Reason()
	}
	d.held = isHeld || d.held && err != nil
	d.mu.Unlock()
	if err == nil {
		return
	}
	d.log.Error("no new revision from the source; what runs keeps running", "err", err)
	d.resume()
}

// seen logs what a pass found if it is news, and remembers a revision that was
// reached.
func (d *daemon) seen(o reconciler.Outcome) bool {
	d.news.passed(o)
	settled := o.Settled()
	if errors.Is(settled, reconciler.ErrUnderWay) {
		return true
	}
	text := "converged " + o.Revision
	if settled != nil {
		text = settled.Error()
	}
	d.mu.Lock()
	news := d.told != text
	d.told = text
	reached := settled == nil && d.good != o.Revision
	if reached {
		d.good = o.Revision
	}
	d.mu.Unlock()
	if reached {
		d.journal.SetGood(o.Revision)
	}
	switch {
	case news && settled == nil:
		d.log.Info("converged", "revision", o.Revision, "services", len(o.Plan.Services), "generation", o.Have.Gateway.Generation)
	case news:
		d.log.Error("not converged; waits for a person or a new revision", "revision", o.Revision, "why", text)
	}
	return true
}

// Status implements [console.Havn].
func (d *daemon) Status(ctx context.Context) console.Status {
	s := d.describe(ctx, d.machine, d.Last())
	s.Source = d.sourceStatus()
	s.Hook = d.hooks.status(d.Last())
	d.news.describe(&s)
	s.Standing = d.Standing()
	d.mu.Lock()
	defer d.mu.Unlock()
	s.Running, s.Pid = true, os.Getpid()
	s.Revision.Attempted, s.Revision.Problem, s.Revision.LastGood = d.attempted, d.problem, d.good
	s.Converged = s.Converged && d.problem == "" && s.Revision.Applied != ""
	return s
}

// Forecast implements [console.Havn].
func (d *daemon) Forecast(ctx context.Context, want spec.Site) (model.Road, error) {
	return d.forecast(ctx, want)
}

// Explain implements [console.Havn].
func (d *daemon) Explain(ctx context.Context, commit string) (string, error) {
	if d.git == nil {
		return "", errNoGit
	}
	v, err := d.git.Explain(ctx, commit)
	return v.String(), err
}

var errNoGit = errors.New("the source is a directory; commits are explained where it is a git remote")

// History implements [console.Havn].
func (d *daemon) History(service string, limit int) ([]journal.Event, error) {
	return d.journal.Events(service, limit)
}

// Retry implements [console.Havn].
func (d *daemon) Retry(service string) int {
	lifted := d.journal.Clear(service)
	d.host.Retry()
	return lifted
}
