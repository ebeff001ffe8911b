package main

import (
	"context"
	"errors"
	"os"
	"sync"

	"havn.internal/gitops"
	"havn.internal/reconciler"
	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/model"
)

// A daemon is `havn run`: it turns revisions into sites, and tells what becomes
// of them.
type daemon struct {
	*host
	*desires
	machine *machine
	source  *sourceFlags
	hooks   *webhooks
	news    *announcer
	// restarts is used by the loop alone.
	restarts restarts

	mu        sync.Mutex
	newest    gitops.Revision // of the source, and valid
	attempted string          // the revision that was evaluated last
	problem   string          // why that is not the wanted one
	held      *gitops.Held    // what the source has and does not deliver
	trouble   string          // why the source gives nothing
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

// note keeps what became of the newest revision; the problem is empty if it is valid.
func (d *daemon) note(revision, problem string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.attempted, d.problem = revision, problem
}

// sourceProblem is told why the source delivers nothing, and nil when that is over.
func (d *daemon) sourceProblem(err error) {
	d.news.source(err)
	held := new(gitops.Held)
	isHeld := errors.As(err, &held)
	d.mu.Lock()
	d.trouble = ""
	switch {
	case isHeld:
		d.held = held
	case err != nil:
		d.trouble = err.Error() // what was held is so, for all that is known
	default:
		d.held = nil
	}
	d.mu.Unlock()
	if err == nil {
		d.log.Info("the source gives revisions again")
		return
	}
	d.log.Error("no new revision from the source; what runs keeps running", "err", err)
	if isHeld {
		d.journal.Refused(held.Commit, held.Reason())
	}
	d.resume()
}

// seen logs what a pass found if it is news, and remembers a revision that was
// reached.
func (d *daemon) seen(o reconciler.Outcome) bool {
	d.news.passed(o)
	d.restarts.pass(o, d.journal.Record)
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
		d.log.Error("not converged; "+outlook(o), "revision", o.Revision, "why", text)
	}
	return true
}

// outlook says what ends the troubles of an outcome.
func outlook(o reconciler.Outcome) string {
	for _, t := range o.Troubles() {
		if !t.Retried {
			return "it waits for a person or a new revision"
		}
	}
	return "what failed is tried again"
}

// Status implements [console.Havn].
func (d *daemon) Status(ctx context.Context) console.Status {
	want, _ := d.Want()
	s := d.describe(ctx, d.machine, want, d.Last())
	s.Source = d.sourceStatus()
	s.Hook = d.hooks.status(d.Last())
	d.news.describe(&s)
	s.Standing = d.Standing()
	d.mu.Lock()
	defer d.mu.Unlock()
	s.Running, s.Pid = true, os.Getpid()
	s.Revision.Attempted, s.Revision.Problem, s.Revision.LastGood = d.attempted, d.problem, d.good
	if d.held != nil {
		s.Revision.Attempted, s.Revision.Problem = d.held.Commit, d.held.Reason()
	}
	s.Converged = s.Converged && s.Revision.Problem == "" && s.Revision.Applied != ""
	return s
}

// Forecast implements [console.Havn].
func (d *daemon) Forecast(ctx context.Context, ask console.Question) (model.Road, error) {
	road, err := d.forecast(ctx, ask)
	if err == nil {
		now := d.machine.told()
		if ask.Told == nil {
			ask.Told = now
		}
		road.On(now, ask.Told)
	}
	return road, err
}

// Proposed implements [console.Looks].
func (d *daemon) Proposed(ctx context.Context, words []string) (console.Proposal, error) {
	return d.proposed(ctx, d.desires, words)
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
