package probe

import (
	"context"
	"reflect"
	"sync"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A replica that is not ready yet is probed at once, and then again after a small
// part of the time it has taken so far: what the pauses add to a start is in
// proportion to it, and a slow one is not pestered.
const (
	part    = 25
	fastest = 10 * time.Millisecond
	slowest = 250 * time.Millisecond
)

// A Prober probes a set of replicas, each in a goroutine of its own.
type Prober struct {
	wake func()

	mu       sync.Mutex
	watched  map[string]*watch
	closed   bool
	routines sync.WaitGroup
}

// A watch is one run of one replica.
type watch struct {
	id      string
	started time.Time
	check   spec.Health
	stop    context.CancelFunc
	health  plan.Health
}

// New returns a Prober that calls wake whenever a replica becomes ready, stops
// being ready, or becomes unhealthy.
func New(wake func()) *Prober {
	return &Prober{wake: wake, watched: map[string]*watch{}}
}

// Watch replaces the set of replicas that are probed. One that was restarted
// starts over; one whose check has changed keeps its health until the new check
// says otherwise, so that a change of thresholds moves no traffic.
func (p *Prober) Watch(replicas []plan.Container) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	wanted := map[string]bool{}
	for _, c := range replicas {
		if c.State != plan.Running {
			continue
		}
		wanted[c.Name] = true
		check := c.Release.Service.Health
		var health plan.Health
		if w := p.watched[c.Name]; w != nil {
			sameRun := w.id == c.ID && w.started.Equal(c.StartedAt)
			if sameRun && reflect.DeepEqual(w.check, check) {
				continue
			}
			w.stop()
			if sameRun {
				health = w.health
			}
		}
		p.begin(c, check, health)
	}
	for name, w := range p.watched {
		if !wanted[name] {
			w.stop()
			delete(p.watched, name)
		}
	}
}

func (p *Prober) begin(c plan.Container, check spec.Health, health plan.Health) {
	ctx, stop := context.WithCancel(context.Background())
	w := &watch{id: c.ID, started: c.StartedAt, check: check, stop: stop, health: health}
	p.watched[c.Name] = w
	p.routines.Go(func() { p.run(ctx, w, newTarget(c, check)) })
}

// Health is what the probes of a replica say; false if it is not probed.
func (p *Prober) Health(name string) (plan.Health, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.watched[name]
	if w == nil {
		return plan.Health{}, false
	}
	return w.health, true
}

// Close ends all probing and waits for it.
func (p *Prober) Close() {
	p.mu.Lock()
	p.closed = true
	for _, w := range p.watched {
		w.stop()
	}
	clear(p.watched)
	p.mu.Unlock()
	p.routines.Wait()
}

// run probes one run of a replica until ctx ends.
func (p *Prober) run(ctx context.Context, w *watch, t target) {
	good, bad := 0, 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		found, err := t.probe(ctx)
		if ctx.Err() != nil {
			return
		}
		now := time.Now()
		switch {
		case err == nil:
			good, bad = good+1, 0
		case !w.ready(p) && now.Sub(w.started) < w.check.StartPeriod.Std():
			good = 0
		default:
			good, bad = 0, bad+1
		}
		p.report(w, good, bad, found, now)
		timer.Reset(w.pause(p, now))
	}
}

// pause is the time until the next probe.
func (w *watch) pause(p *Prober, now time.Time) time.Duration {
	interval := max(w.check.Interval.Std(), time.Millisecond)
	if w.ready(p) {
		return untilBeat(now, interval)
	}
	return min(interval, slowest, max(fastest, now.Sub(w.started)/part))
}

// untilBeat is the time until the next multiple of interval that is not just about
// to come. Probes of one interval are made together, so that an idle havn sleeps in
// between.
func untilBeat(now time.Time, interval time.Duration) time.Duration {
	rest := interval - time.Duration(now.UnixNano()%int64(interval))
	if rest < interval/2 {
		return rest + interval
	}
	return rest
}

func (w *watch) ready(p *Prober) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return w.health.Ready
}

// report turns streaks of results into health. A replica that was ready and fails
// once is not ready any more only after as many failures as make it unhealthy: a
// single slow answer is no reason to move its traffic.
func (p *Prober) report(w *watch, good, bad int, found result, now time.Time) {
	p.mu.Lock()
	before := w.health
	h := before
	h.Last, h.Said = found.last, found.said
	switch {
	case good >= w.check.Successes:
		h.Ready, h.Unhealthy = true, false
	case bad >= w.check.Failures && (before.Ready || w.waited(now)):
		h.Ready, h.Unhealthy = false, true
	}
	if h.Ready != before.Ready || h.Unhealthy != before.Unhealthy {
		h.Since = now
	}
	w.health = h
	p.mu.Unlock()
	if h.Ready != before.Ready || h.Unhealthy != before.Unhealthy {
		p.wake()
	}
}

// waited: a replica that never was ready has failed for as long as its threshold
// takes at the pace of a ready one; probes before that are only quicker.
func (w *watch) waited(now time.Time) bool {
	patience := w.check.StartPeriod.Std() + time.Duration(w.check.Failures)*w.check.Interval.Std()
	return now.Sub(w.started) >= patience
}
