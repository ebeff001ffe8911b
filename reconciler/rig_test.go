package reconciler

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// A rig is a Reconciler on a host in memory, in virtual time, one event at a
// time. havn can be killed in it at any call.
type rig struct {
	time    *model.Timeline
	host    *model.Host
	journal *model.Journal
	havn    *Reconciler
	acts    *rigActs
	want    *spec.Site
	prune   bool
	retain  plan.Retention
	// own are the host's own locations.
	own []plan.Location
	// order, if set, changes the order in which a pass's steps are begun.
	order func([]plan.Step)
	// passed is told of every pass, ended of every act.
	passed func(Outcome)
	ended  func(apply.Done)
	// begun is told of a step as it begins, without what happened to it.
	begun func(plan.Step)
	due   time.Time
	// passBegan is when the pass began that is under way, or was the last.
	passBegan time.Time
}

func newRig() *rig {
	t := model.NewTimeline(epoch)
	g := &rig{time: t, host: model.New("s", netip.MustParsePrefix("10.0.0.0/25"), t)}
	g.journal = g.host.Journal()
	g.boot()
	return g
}

// boot starts havn anew: what it had in memory is gone.
func (g *rig) boot() {
	g.havn = New(Config{
		Site: "s", Engine: g.host.Engine(), Gateway: g.host.Gateway(), Prober: g.host.Prober(),
		Journal: g.journal, Log: slog.New(slog.DiscardHandler), Now: g.time.Now, Prune: g.prune, Own: g.own, Retention: g.retain,
	})
	g.acts = &rigActs{rig: g, flying: map[string]plan.Action{}, failed: map[string]plan.Failure{}}
	g.havn.acts = g.acts
	if g.want != nil {
		g.havn.Deliver(*g.want)
	}
	g.due = g.time.Now()
}

// crash kills havn, and starts it again after a time.
func (g *rig) crash(after time.Duration) {
	g.acts.dead = true
	g.time.Kill()
	g.idle(after)
	g.host.Restarted()
	g.boot()
}

// idle lets the host go on for a time without havn.
func (g *rig) idle(d time.Duration) {
	end := g.time.Now().Add(d)
	for {
		at, ok := g.host.Next()
		if !ok || at.After(end) {
			break
		}
		g.time.AdvanceTo(at)
		g.host.View()
	}
	g.time.AdvanceTo(end)
	g.host.View()
}

func (g *rig) deliver(s spec.Site) {
	g.want = &s
	g.havn.Deliver(s)
	g.due = g.time.Now()
}

// step makes one pass if it is due, or else moves on to the next event, but not
// beyond end. It reports whether end is reached.
func (g *rig) step(end time.Time) bool {
	if g.host.Crashed() {
		g.crash(100 * time.Millisecond)
	}
	if now := g.time.Now(); !g.due.After(now) {
		g.pass()
		return false
	}
	at := g.due
	if t, ok := g.time.Next(); ok && t.Before(at) {
		at = t
	}
	if t, ok := g.host.Next(); ok && t.Before(at) {
		at = t
	}
	if at.After(end) {
		g.time.AdvanceTo(end)
		return true
	}
	g.time.AdvanceTo(at)
	g.host.View()
	g.due = g.time.Now()
	return false
}

func (g *rig) pass() {
	g.due = g.time.Now().Add(relist)
	g.passBegan = g.time.Now()
	o, ok := g.havn.Pass(context.Background())
	if !ok {
		return
	}
	if g.passed != nil {
		g.passed(o)
	}
	g.acts.start()
	if o.Err != nil {
		g.due = g.time.Now().Add(blindRetry)
		return
	}
	g.due = g.time.Now().Add(g.havn.untilNext(o.Plan))
	select {
	case <-g.havn.wake:
		g.due = g.time.Now()
	default:
	}
}

// run goes on for d.
func (g *rig) run(d time.Duration) {
	end := g.time.Now().Add(d)
	for !g.step(end) {
	}
}

// settle goes on until havn has had nothing to do for a while, for d at most, and
// reports whether it came to that.
func (g *rig) settle(d time.Duration) bool {
	const calm = 2 * time.Minute
	end, quiet := g.time.Now().Add(d), g.time.Now()
	for g.time.Now().Sub(quiet) < calm {
		if g.step(end) {
			return false
		}
		o := g.havn.Last()
		if o.Err != nil || len(o.Plan.Steps)+len(g.acts.flying) > 0 || !onlyNeeds(o.Plan.Waits) || g.host.Crashed() {
			quiet = g.time.Now()
		}
	}
	return true
}

// onlyNeeds: nothing is waited for but what may never come.
func onlyNeeds(waits []plan.Wait) bool {
	return !slices.ContainsFunc(waits, func(w plan.Wait) bool { return w.For != plan.ForNeed })
}

// rigActs carries out steps as coroutines on the rig's timeline.
type rigActs struct {
	*rig
	dead    bool
	pending []plan.Step
	flying  map[string]plan.Action
	failed  map[string]plan.Failure
	fails   int
}

func (a *rigActs) Begin(_ context.Context, s plan.Step) { a.pending = append(a.pending, s) }

// start begins what the last pass asked for.
func (a *rigActs) start() {
	steps := a.pending
	a.pending = nil
	if a.order != nil {
		a.order(steps)
	}
	for _, s := range steps {
		if key := s.Action.Key(); a.flying[key] == nil && !a.host.Crashed() {
			if a.begun != nil {
				a.begun(s)
			}
			a.flying[key] = s.Action
			a.time.Go(func() { a.carryOut(key, s) })
		}
	}
}

func (a *rigActs) carryOut(key string, s plan.Step) {
	begin := a.time.Now()
	h := apply.Host{Runtime: a.host.Engine(), Gateway: a.host.Gateway(), Journal: a.journal}
	err := h.Do(context.Background(), s)
	if a.dead || a.host.Crashed() {
		return
	}
	d := apply.Done{Step: s, Took: a.time.Now().Sub(begin), Err: err}
	a.havn.ended(d)
	delete(a.flying, key)
	if f, failed := apply.Failed(a.failed[key], err, a.time.Now()); failed {
		a.failed[key] = f
		a.fails++
	} else {
		delete(a.failed, key)
	}
	a.havn.Wake()
	a.due = a.time.Now()
	if a.rig.ended != nil {
		a.rig.ended(d)
	}
}

func (a *rigActs) InFlight() map[string]plan.Action  { return maps.Clone(a.flying) }
func (a *rigActs) Failures() map[string]plan.Failure { return maps.Clone(a.failed) }
func (a *rigActs) Forget()                           { clear(a.failed) }
func (a *rigActs) Wait()                             {}

func TestRigConverges(t *testing.T) {
	g := newRig()
	g.host.Push("web:1", "sha256:1", time.Second)
	g.deliver(site("r1", service("web", "web:1", 2)))
	if !g.settle(time.Hour) {
		t.Fatalf("not settled: %+v", g.havn.Last().Plan)
	}
	if p := g.havn.Last().Plan.Services[0]; p.Phase != plan.Converged || p.Routed != 2 {
		t.Fatalf("got %+v", p)
	}
}
