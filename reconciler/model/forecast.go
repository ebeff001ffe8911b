package model

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A forecast ends after mostPasses, or when idlePasses in a row have begun
// nothing.
const (
	mostPasses = 20000
	idlePasses = 12
)

// assumedPull is what a pull is taken to last.
const assumedPull = 5 * time.Second

type forecast struct {
	want    spec.Site
	have    plan.Observed
	time    *Timeline
	host    *Host
	journal *Journal
	steps   apply.Host
	flying  map[string]plan.Action
	failed  map[string]plan.Failure
	pulled  map[string]bool
	// answers are the services that answered when the forecast began, outage how
	// long each did not since.
	answers []string
	outage  map[string]time.Duration
	// handed are what services give up to others.
	handed map[string]*handing
	// assumed are the short fingerprints of releases whose image is yet to be pulled: nobody
	// knows them before.
	assumed []string
	// last is when the last act ended.
	last time.Time
}

func newForecast(want spec.Site, have plan.Observed, now time.Time) *forecast {
	t := NewTimeline(now)
	h := From(have, t)
	f := &forecast{
		want: want, have: have, time: t, host: h, journal: h.Journal(), last: now,
		flying: map[string]plan.Action{}, failed: map[string]plan.Failure{}, pulled: map[string]bool{}, outage: map[string]time.Duration{},
	}
	maps.Copy(f.journal.verdicts, have.Verdicts)
	maps.Copy(f.journal.lastGood, have.LastGood)
	for _, s := range want.Services {
		i := have.Images[s.Image]
		f.pulled[s.Image] = i.Pulled
		if i.ID == "" && i.Problem == "" {
			h.Push(s.Image, assumedID(s.Image), assumedPull)
			r := spec.Release{Service: s, ImageID: assumedID(s.Image)}
			f.assumed = append(f.assumed, r.Fingerprint(have.Site).Short())
		}
	}
	f.steps = apply.Host{Runtime: h.Engine(), Gateway: h.Gateway(), Journal: f.journal}
	for _, name := range slices.Sorted(maps.Keys(services(have))) {
		if h.answers(name) {
			f.answers = append(f.answers, name)
		}
	}
	f.handed = handings(want, have)
	return f
}

// assumedID stands for the content address of an image that is yet to be pulled.
func assumedID(ref string) string {
	sum := sha256.Sum256([]byte(ref))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// unknown stands for the fingerprint of a release whose image is yet to be pulled.
const unknown = "NEW"

// told is a text of the forecast without the fingerprints that are only assumed.
func (f *forecast) told(text string) string {
	for _, fingerprint := range f.assumed {
		text = strings.ReplaceAll(text, fingerprint, unknown)
	}
	return text
}

// run makes passes until nothing is left to do, and reports whether that is
// because the host has converged.
func (f *forecast) run(r *Road) bool {
	begin, idle := f.time.Now(), 0
	for range mostPasses {
		p := f.pass()
		for _, s := range p.Steps {
			step := Step{spec.Duration(f.time.Now().Sub(begin)), s.Service, f.told(s.Action.String()), f.told(s.Why)}
			if _, is := s.Action.(plan.RemoveImage); is {
				r.Cleanup = append(r.Cleanup, step)
			} else {
				r.Steps = append(r.Steps, step)
			}
			f.begin(s)
		}
		if len(p.Steps) > 0 || len(f.flying) > 0 {
			idle = 0
		} else {
			idle++
		}
		next, more := f.next(p)
		if !more || idle > idlePasses {
			r.Blocked, r.Notes = append(r.Blocked, p.Blocked...), p.Notes
			return len(p.Blocked) == 0 && p.Reached()
		}
		f.advance(next)
	}
	return false
}

// pass observes the host of the forecast and plans.
func (f *forecast) pass() plan.Plan {
	ctx := context.Background()
	have, err := f.host.Engine().Observe(ctx, f.want)
	if err != nil {
		panic("model: forecast: " + err.Error()) // no faults are set
	}
	if have.Gateway, err = f.host.Gateway().Observe(ctx); err != nil {
		panic("model: forecast: " + err.Error())
	}
	now := f.time.Now()
	for name, c := range have.Containers {
		c.Health = f.host.health(name, now)
		have.Containers[name] = c
	}
	for ref, i := range have.Images {
		i.Pulled, i.HasHealthcheck = f.pulled[ref], f.have.Images[ref].HasHealthcheck
		have.Images[ref] = i
	}
	have.InFlight, have.Failures = f.flying, f.failed
	have.Verdicts, have.LastGood = f.journal.Verdicts(), f.journal.LastGood()
	have.Fetched, have.Recall, have.Retention = f.have.Fetched, f.have.Recall, f.have.Retention
	have.Quarantine, have.PruneAllowed, have.Own = f.have.Quarantine, f.have.PruneAllowed, f.have.Own
	return plan.Make(f.want, have, now)
}

// health is what everybody who asks for long enough finds.
func (h *Host) health(name string, now time.Time) plan.Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.containers[name].health(now)
}

func (f *forecast) begin(s plan.Step) {
	key := s.Action.Key()
	f.flying[key] = s.Action
	f.time.Go(func() {
		err := f.steps.Do(context.Background(), s)
		delete(f.flying, key)
		f.last = f.time.Now()
		if pull, ok := s.Action.(plan.Pull); ok && err == nil {
			f.pulled[pull.Image] = true
		}
		if err != nil {
			n := f.failed[key].Count + 1
			f.failed[key] = plan.Failure{Err: err.Error(), Count: n, Retry: f.last.Add(time.Duration(n) * time.Minute)}
		}
	})
}

// next is when to make the next pass.
func (f *forecast) next(p plan.Plan) (time.Time, bool) {
	now := f.time.Now()
	at, any := f.time.Next()
	earlier := func(t time.Time) {
		if !any || t.Before(at) {
			at, any = t, true
		}
	}
	if t, ok := f.host.Next(); ok {
		earlier(t)
	}
	for _, w := range p.Waits {
		earlier(w.Until)
	}
	if len(p.Steps) > 0 && len(f.flying) == 0 {
		earlier(now)
	}
	if at.Before(now) {
		at = now
	}
	return at, any
}

// advance moves the time, and counts who answers nobody meanwhile.
func (f *forecast) advance(to time.Time) {
	f.count(to.Sub(f.time.Now()))
	f.time.AdvanceTo(to)
}

// answers: a request to the service is answered: by a replica that is ready, and
// routed if the gateway knows the service.
func (h *Host) answers(service string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.settle()
	leads := false
	for _, l := range h.nginx.active.table.Locations {
		leads = leads || l.Target.Service == service
	}
	for _, name := range h.names() {
		c := h.containers[name]
		if c.Service == service && c.foreign == "" && c.ready(now) && (!leads || h.nginx.sends(c.Addr)) {
			return true
		}
	}
	return false
}
