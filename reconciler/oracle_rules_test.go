package reconciler

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"time"

	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// look checks what holds at every instant.
func (o *oracle) look(v model.View) {
	o.oneHolder(v)
	owner := map[netip.Addr]model.Replica{}
	for _, r := range v.Replicas {
		if r.State == plan.Running {
			owner[r.Addr] = r
		}
		if r.Ready {
			o.wasReady[r.Name], o.answered[r.Addr] = v.At, v.At
		}
		if r.Routed {
			o.lastRouted[r.Name] = v.At
		}
	}
	for i, t := range append([]plan.Table{v.Table}, v.Old...) {
		if i == 0 && !v.Serving {
			continue
		}
		for _, l := range t.Locations {
			for _, a := range slices.Concat(l.Servers, l.Spares) {
				if r, held := owner[a.Addr()]; held && !r.Foreign && r.Service != l.Target.Service {
					o.fail("I2 identity", "%s%s of %s is answered by %s", l.Host, l.Path, l.Target.Service, r.Name)
				}
			}
		}
	}
}

// condemned: a release that has a verdict is not started again, unless it is the
// last good one.
func (o *oracle) condemned(a plan.Start) {
	service := a.Release.Service.Name
	if _, bad := o.journal.Verdicts()[plan.VerdictKey{Service: service, Fingerprint: a.Fingerprint}]; !bad {
		return
	}
	if good, ok := o.journal.LastGood()[service]; ok && good.Fingerprint("s") == a.Fingerprint {
		return
	}
	o.fail("condemned", "%s is started though its release is condemned", a.Name)
}

// mostStarts bounds the starts of one replica's service in a minute, for each
// replica it may have.
const mostStarts = 12

// effort: havn does not hammer.
func (o *oracle) effort(d model.Deed) {
	s := o.service(d.Replica.Service)
	recent := []time.Time{d.At}
	for _, t := range o.starts[s.Name] {
		if d.At.Sub(t) < time.Minute {
			recent = append(recent, t)
		}
	}
	o.starts[s.Name] = recent
	if n := max(s.Replicas+s.Rollout.Surge, 2) * mostStarts; len(recent) > n {
		o.fail("I8 effort", "%d starts of %s in a minute", len(recent), s.Name)
	}
}

// patience is how old what havn knows of a replica may be.
const patience = time.Second

// switched: no location goes from somebody who answers to nobody who does, nor takes
// the requests of one, and none gets a server that does not answer while there is one that does.
func (o *oracle) switched(d model.Deed) {
	o.kept(d.After)
	before := map[plan.LocationKey]plan.Location{}
	for _, l := range d.Before.Locations {
		before[l.Key()] = l
	}
	ready := map[netip.Addr]bool{}
	for _, r := range d.Host.Replicas {
		if r.Ready {
			ready[r.Addr] = true
		}
	}
	restored := d.After.Hash() == o.havn.Last().Have.Gateway.Table.Hash()
	for _, l := range d.After.Locations {
		if s := o.routedFor.Services[l.Target.Service]; l.Target.Service == "" || s.Replicas == 0 && s.Name != "" || o.recreated(l.Target.Service) {
			continue
		}
		old, had := before[l.Key()]
		if over := taker(d.After, l); !had && serves(over, ready) && !serves(l, ready) && !o.lately(l) {
			o.fail("I1 availability", "%s%s takes requests from %v, who answer, to %v, who do not", l.Host, l.Path, over.Servers, l.Servers)
		}
		if had && (o.recreated(old.Target.Service) || o.handsOver(old, d.Host)) {
			continue
		}
		if had && serves(old, ready) && !serves(l, ready) && !o.lately(l) {
			o.fail("I1 availability", "%s%s goes from %v, who answer, to %v, who do not", l.Host, l.Path, old.Servers, l.Servers)
		}
		for _, a := range l.Servers {
			if !restored && !ready[a.Addr()] && serves(l, ready) && !routes(old, a) && !o.knew(d.Host, a.Addr()) {
				o.fail("I1 availability", "%s%s goes to %s, which is not ready", l.Host, l.Path, a)
			}
		}
	}
}

// taker is the location that would get the requests of l if l were not in the table.
func taker(t plan.Table, l plan.Location) (best plan.Location) {
	named := slices.ContainsFunc(t.Locations, func(o plan.Location) bool { return o.Host == l.Host && o.Key() != l.Key() })
	for _, o := range t.Locations {
		host := o.Host == l.Host || !named && o.Host == "_"
		path := o.Path == "/" || strings.HasPrefix(l.Path+"/", o.Path+"/")
		if o.Key() != l.Key() && !o.Exact && host && path && len(o.Path) > len(best.Path) {
			best = o
		}
	}
	return best
}

// handsOver: a replica that the location led to holds what another service should.
func (o *oracle) handsOver(l plan.Location, v model.View) bool {
	for _, r := range v.Replicas {
		if !routes(l, netip.AddrPortFrom(r.Addr, 80)) {
			continue
		}
		for name, s := range o.routedFor.Services {
			for _, c := range r.Claims {
				if name != r.Service && slices.ContainsFunc(s.Claims(), c.Conflicts) {
					return true
				}
			}
		}
	}
	return false
}

// recreated: the service, or a release of it that runs, is replaced stop-first.
func (o *oracle) recreated(service string) bool {
	if o.routedFor.Services[service].Rollout.Strategy == spec.Recreate {
		return true
	}
	for _, c := range o.havn.Last().Have.Containers {
		if c.Service == service && c.Release.Service.Rollout.Strategy == spec.Recreate {
			return true
		}
	}
	return false
}

func serves(l plan.Location, ready map[netip.Addr]bool) bool {
	for _, a := range l.Servers {
		if ready[a.Addr()] {
			return true
		}
	}
	return false
}

func routes(l plan.Location, a netip.AddrPort) bool {
	for _, b := range l.Servers {
		if a == b {
			return true
		}
	}
	return false
}

// knew: the replica at the address was ready a moment ago.
func (o *oracle) knew(v model.View, a netip.Addr) bool {
	t, did := o.answered[a]
	return did && v.At.Sub(t) < patience
}

// lately: a server of the location was ready a moment ago: the table was made
// before it fell.
func (o *oracle) lately(l plan.Location) bool {
	v := model.View{At: o.time.Now()}
	for name, t := range o.wasReady {
		if v.At.Sub(t) >= patience {
			continue
		}
		if c, ok := o.havn.Last().Have.Containers[name]; ok && routes(l, netip.AddrPortFrom(c.Addr, 80)) {
			return true
		}
	}
	return false
}

// planned checks what holds of every pass: one state, one plan; no two steps on
// one object; nothing planned blindly.
func (o *oracle) planned(out Outcome) {
	if o.spins++; out.At.After(o.lastPass) {
		o.spins = 0
	}
	const mostSpins = 100
	if o.lastPass = out.At; o.spins > mostSpins {
		o.t.Fatalf("I8 effort: %d passes at one instant: %v", o.spins, out.Plan.Steps)
	}
	if out.Err != nil {
		if len(o.acts.pending) > 0 {
			o.fail("unknown is not absent", "a pass that could not observe has steps")
		}
		return
	}
	again := plan.Make(*o.want, out.Have, out.At)
	a, err := json.Marshal(describe(out.Plan))
	b, err2 := json.Marshal(describe(again))
	if err != nil || err2 != nil || string(a) != string(b) {
		o.fail("determinism", "two plans of one state:\n%s\n%s", a, b)
	}
	keys := map[string]bool{}
	for _, s := range out.Plan.Steps {
		if keys[s.Action.Key()] {
			o.fail("one act an object", "two steps on %s", s.Action.Key())
		}
		keys[s.Action.Key()] = true
	}
}

// describe spells the plan's actions out.
func describe(p plan.Plan) []any {
	out := []any{p.Waits, p.Blocked, p.Services}
	for _, s := range p.Steps {
		out = append(out, s.Service, s.Action.Key(), s.Action.String(), s.Action, s.Why)
	}
	return out
}

// ok fails the test with the first broken invariant.
func (o *oracle) ok() {
	o.t.Helper()
	if n := len(o.journal.Records); n != o.ends {
		o.fail("I11 history", "%d acts ended, and there are %d records", o.ends, n)
	}
	if o.problem != "" {
		o.t.Fatalf("%s", o.problem)
	}
}
