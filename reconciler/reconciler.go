package reconciler

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// relist is how often the host is looked at though nothing has announced a
// change: events are hints and may be lost.
const relist = 30 * time.Second

// A pass that can't observe is repeated after blindRetry, and after up to
// blindLimit if it goes on.
const (
	blindRetry = time.Second
	blindLimit = 15 * time.Second
)

// Config is what a Reconciler is made of.
type Config struct {
	Site    string
	Engine  Engine
	Gateway Gateway
	Prober  Prober
	Journal Journal
	Log     *slog.Logger
	// Prune agrees to removing more services than the prune budget allows.
	Prune bool
	// Retention bounds the images that nothing needs any more; none of them goes if it is
	// zero.
	Retention plan.Retention
	// Own are the locations that the host wants beside those of the site; nil leaves
	// the ones that are there.
	Own []plan.Location
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// acts carries out steps in the background; see [apply.Acts].
type acts interface {
	Begin(ctx context.Context, s plan.Step)
	InFlight() map[string]plan.Action
	Failures() map[string]plan.Failure
	Forget()
	Wait()
}

// A Reconciler converges one host to the newest site delivered.
type Reconciler struct {
	Config
	acts acts
	wake chan struct{}

	mu   sync.Mutex
	want *spec.Site
	// pruneFor is the revision whose removals a person has agreed to.
	pruneFor *string
	last     Outcome
	images   imageMemory
	absent   quarantine
	trying   progress
	repairs  repairs
}

// Outcome is what the last pass saw and decided.
type Outcome struct {
	At       time.Time
	Revision string
	Have     plan.Observed
	Plan     plan.Plan
	// Err is why the pass could not observe; Have and Plan are then those of the
	// last pass that could.
	Err error
	// Busy: acts are in flight, or steps were begun.
	Busy bool
}

// New returns a Reconciler; [Reconciler.Run] does the work.
func New(c Config) *Reconciler {
	if c.Now == nil {
		c.Now = time.Now
	}
	r := &Reconciler{Config: c, wake: make(chan struct{}, 1), absent: quarantine{}}
	host := apply.Host{Runtime: c.Engine, Gateway: c.Gateway, Journal: c.Journal}
	r.acts = apply.NewActs(host, c.Now, r.ended, r.Wake)
	return r
}

// Deliver makes site the wanted one. The newest wins; what is under way for an
// older one is left or undone as the planner sees fit.
func (r *Reconciler) Deliver(site spec.Site) {
	r.mu.Lock()
	changed := r.want == nil || r.want.Revision != site.Revision
	r.want = &site
	r.mu.Unlock()
	if changed {
		r.forget()
	}
	r.Wake()
}

// AllowPrune agrees to the removals of the revision that is wanted now, and
// returns it. A later revision asks again.
func (r *Reconciler) AllowPrune() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.want == nil {
		return ""
	}
	revision := r.want.Revision
	r.pruneFor = &revision
	r.Wake()
	return revision
}

// AllowPruneOf agrees to the removals of a revision that is yet to be wanted.
func (r *Reconciler) AllowPruneOf(revision string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pruneFor = &revision
}

// Wake asks for a pass soon. It never blocks.
func (r *Reconciler) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Retry lets everything that failed be tried at once.
func (r *Reconciler) Retry() {
	r.forget()
	r.Wake()
}

// forget drops what is known of tries that were in vain.
func (r *Reconciler) forget() {
	r.acts.Forget()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trying, r.repairs = progress{}, repairs{}
}

// Run makes passes until ctx ends. seen is told of each; it returns false to end
// the run. Run returns when every act it began has ended; containers and nginx
// run on.
func (r *Reconciler) Run(ctx context.Context, seen func(Outcome) bool) {
	acts, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer r.finish(stop)
	timer := time.NewTimer(0)
	defer timer.Stop()
	blind := blindRetry
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
		}
		if ctx.Err() != nil {
			return
		}
		outcome, ok := r.Pass(acts)
		if !ok {
			continue
		}
		next := relist
		if outcome.Err != nil {
			next = blind
			blind = min(2*blind, blindLimit)
		} else {
			blind = blindRetry
			next = r.untilNext(outcome.Plan)
		}
		timer.Reset(next)
		if seen != nil && !seen(outcome) {
			return
		}
	}
}

// finishing is how long acts that are in flight may take to end when the run ends.
const finishing = 5 * time.Second

// finish lets the acts in flight end, and cuts those that take too long: the
// engine goes on with a stop by itself, and the next run finds the rest.
func (r *Reconciler) finish(cut context.CancelFunc) {
	timer := time.AfterFunc(finishing, cut)
	r.acts.Wait()
	timer.Stop()
	cut()
}

// untilNext is how long to wait for the next pass if nothing happens before.
func (r *Reconciler) untilNext(p plan.Plan) time.Duration {
	next := relist
	for _, w := range p.Waits {
		next = min(next, w.Until.Sub(r.Now()))
	}
	return max(next, time.Millisecond)
}

// Pass observes, plans and begins the plan's steps, once. ok is false if no site
// has been delivered yet.
func (r *Reconciler) Pass(ctx context.Context) (Outcome, bool) {
	r.mu.Lock()
	want := r.want
	r.mu.Unlock()
	if want == nil {
		return Outcome{}, false
	}
	have, err := r.Observe(ctx, *want)
	if err != nil {
		return r.blind(want.Revision, err), true
	}
	p := plan.Make(*want, have, r.Now())
	r.mu.Lock()
	r.trying.update(p, r.Now())
	r.mu.Unlock()
	for _, s := range p.Steps {
		r.Log.Debug("begin", "service", s.Service, "step", s.Action.String(), "why", s.Why)
		r.acts.Begin(ctx, s)
	}
	o := Outcome{At: r.Now(), Revision: want.Revision, Have: have, Plan: p, Busy: len(p.Steps)+len(have.InFlight) > 0}
	if !o.Busy {
		r.tidy(*want, have)
	}
	r.mu.Lock()
	r.last = o
	r.mu.Unlock()
	return o, true
}

// Look observes and plans for a site, and does nothing else: nothing is begun, and
// nothing is remembered.
func (r *Reconciler) Look(ctx context.Context, want spec.Site) Outcome {
	return r.LookAt(ctx, want, nil)
}

// LookAt is [Reconciler.Look] for a site whose references stand for the images that are
// given, whatever the journal knows of them.
func (r *Reconciler) LookAt(ctx context.Context, want spec.Site, images map[string]string) Outcome {
	have, err := r.observe(ctx, want, &imageMemory{}, forgetful{r.Journal, images})
	if err != nil {
		return Outcome{At: r.Now(), Revision: want.Revision, Err: err}
	}
	p := plan.Make(want, have, r.Now())
	return Outcome{At: r.Now(), Revision: want.Revision, Have: have, Plan: p, Busy: len(p.Steps)+len(have.InFlight) > 0}
}

// blind records that a pass could not observe. Nothing is planned: unknown is not
// absent.
func (r *Reconciler) blind(revision string, err error) Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last.Err == nil || r.last.Err.Error() != err.Error() {
		r.Log.Error("can't observe the host; what runs keeps running", "err", err)
	}
	r.last.Err, r.last.At, r.last.Revision = err, r.Now(), revision
	return r.last
}

// Last returns what the last pass saw and decided.
func (r *Reconciler) Last() Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// Want returns the wanted site, and whether there is one.
func (r *Reconciler) Want() (spec.Site, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.want == nil {
		return spec.Site{}, false
	}
	return *r.want, true
}

// ended logs the outcome of an act and records it.
func (r *Reconciler) ended(d apply.Done) {
	attrs := []any{"step", d.Step.Action.String(), "why", d.Step.Why, "took", d.Took.Round(time.Millisecond)}
	if d.Step.Service != "" {
		attrs = append([]any{"service", d.Step.Service}, attrs...)
	}
	if d.Err != nil {
		r.Log.Error("step failed", append(attrs, "err", d.Err)...)
	} else {
		r.Log.Info("applied", attrs...)
	}
	if pull, ok := d.Step.Action.(plan.Pull); ok && d.Err == nil {
		r.mu.Lock()
		r.images.pulled(pull.Image)
		r.mu.Unlock()
	}
	r.Journal.Applied(d.Step, d.Took, d.Err)
}
