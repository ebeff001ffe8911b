package reconciler

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// bound is how long convergence may take when nothing goes wrong any more: the
// deadlines and the longest retry are in it many times.
const bound = 3 * time.Hour

// converges checks I4 and I5: the host comes to what is wanted, or to the last
// good of it, has nothing else, and stays.
func (o *oracle) converges() {
	o.t.Helper()
	if !o.settle(bound) {
		p := o.havn.Last().Plan
		o.ok()
		o.t.Fatalf("I4 convergence: not converged after %s: steps %v waits %v blocked %v flying %v\n%+v\n%+v", bound, p.Steps,
			p.Waits, p.Blocked, o.acts.flying, p.Services, o.havn.Last().Have.Containers)
	}
	before := o.steps
	o.run(10 * time.Minute)
	if o.steps != before {
		o.fail("I4 convergence", "%d more steps though it had converged", o.steps-before)
	}
	out := o.havn.Last()
	v := o.host.View()
	for _, s := range out.Plan.Services {
		o.standing(s, out, v)
	}
	for _, r := range v.Replicas {
		if _, wanted := o.want.Services[r.Service]; !r.Foreign && !wanted && !o.stands(r.Service, out) {
			o.fail("I5 orphans", "%s is left", r.Name)
		}
	}
	o.arrived(out)
	if o.problem != "" {
		o.problem += fmt.Sprintf("\n%+v\n%+v\n%+v", out.Plan, v.Replicas, out.Have.Verdicts)
	}
	o.ok()
}

// standing checks one service of a host that has settled.
func (o *oracle) standing(s plan.Standing, out Outcome, v model.View) {
	want, wanted := o.want.Services[s.Service]
	if (!wanted || want.Replicas == 0) && o.stands(s.Service, out) {
		return
	}
	if !wanted {
		o.fail("I5 orphans", "%s is not wanted, and is %s", s.Service, s.Phase)
		return
	}
	release := spec.Release{Service: want, ImageID: out.Have.Images[want.Image].ID}
	_, condemned := out.Have.Verdicts[plan.VerdictKey{Service: s.Service, Fingerprint: release.Fingerprint("s")}]
	condemned = condemned || o.goesBackWith(want, out)
	if s.Phase == plan.Waiting && (o.waitsForNeed(want, out) || o.waitsForHolder(want, out)) {
		return
	}
	if s.Phase != plan.Converged && !condemned {
		o.fail("I4 convergence", "%s is %s, and its release is not condemned: %s %v", s.Service, s.Phase, s.Detail, out.Plan.Blocked)
	}
	good, down, kept, strange := 0, 0, 0, 0
	for _, r := range v.Replicas {
		switch {
		case r.Foreign || r.Service != s.Service:
		case r.State == plan.Running && r.Fingerprint == s.Release && r.Ready:
			good++
		case r.State == plan.Running || r.State == plan.Restarting:
			down++
		case condemned && r.State == plan.Exited:
			kept++
		case s.Phase == plan.Waiting && r.State == plan.Created:
			// It is prepared for when what it claims is given up.
		default:
			strange++
		}
	}
	switch {
	case condemned && want.Rollout.OnFailure == spec.Hold:
	case strange > 0 || kept > 1:
		o.fail("I5 orphans", "%s has %d leftovers and %d kept for their logs", s.Service, strange, kept)
	case s.Phase == plan.Converged && (good != want.Replicas || down > 0):
		o.fail("I4 convergence", "%s has %d good and %d bad replicas of %d", s.Service, good, down, want.Replicas)
	case s.Phase == plan.RolledBack && (good != s.Wanted || down > 0):
		o.fail("I4 convergence", "%s is rolled back, and has %d good and %d bad replicas of %d", s.Service, good, down, s.Wanted)
	}
}

// goesBackWith: what the service should hold, or held before, is that of another one whose
// new release has failed; so it goes back as well.
func (o *oracle) goesBackWith(s spec.Service, out Outcome) bool {
	return slices.ContainsFunc(o.want.ServiceNames(), func(name string) bool {
		other := o.want.Services[name]
		f := spec.Release{Service: other, ImageID: out.Have.Images[other.Image].ID}.Fingerprint("s")
		_, failed := out.Have.Verdicts[plan.VerdictKey{Service: name, Fingerprint: f}]
		_, before := s.Conflict(out.Have.LastGood[name].Service)
		_, after := other.Conflict(out.Have.LastGood[s.Name].Service)
		return failed && name != s.Name && (before || after)
	})
}

// stands: a service of which nothing is wanted stays, since the one that takes over a
// location of it is not ready.
func (o *oracle) stands(service string, out Outcome) bool {
	if _, wanted := o.want.Services[service]; !wanted && o.anyMissing(out) {
		return true
	}
	for _, c := range out.Have.Containers {
		needs := c.Release.Service.Needs
		if want, wanted := o.want.Services[c.Service]; wanted && (spec.Release{Service: want, ImageID: c.Release.ImageID}).Fingerprint("s") == c.Fingerprint {
			needs = want.Needs
			if o.notArrived(out, c.Service) == "" {
				continue
			}
		}
		if c.State == plan.Running && c.Service != service && slices.Contains(needs, service) {
			return true
		}
	}
	taken := map[plan.LocationKey]bool{}
	for _, name := range o.want.RouteNames() {
		for _, l := range plan.Locations(o.want.Routes[name]) {
			taken[l.Key()] = l.Target.Service != service && o.waitsForTarget(l, out)
		}
	}
	return slices.ContainsFunc(out.Have.Gateway.Table.Locations, func(l plan.Location) bool {
		return l.Target.Service == service && taken[l.Key()]
	})
}

// anyMissing: a service is not at its wanted release, so what leaves the site stays.
func (o *oracle) anyMissing(out Outcome) bool {
	return slices.ContainsFunc(o.want.ServiceNames(), func(name string) bool { return o.notArrived(out, name) != "" })
}

// waitsForNeed: a service that it needs is not ready, and may never be.
func (o *oracle) waitsForNeed(s spec.Service, out Outcome) bool {
	return slices.ContainsFunc(out.Plan.Services, func(other plan.Standing) bool {
		return slices.Contains(s.Needs, other.Service) && other.Ready == 0
	})
}

// waitsForHolder: another service that has not arrived holds what the service claims.
func (o *oracle) waitsForHolder(s spec.Service, out Outcome) bool {
	for _, c := range out.Have.Containers {
		_, conflict := s.Conflict(c.Release.Service)
		_, wanted := o.want.Services[c.Service]
		if conflict && c.Service != s.Name && wanted && o.notArrived(out, c.Service) != "" && c.State != plan.Exited {
			return true
		}
	}
	return false
}

// arrived: the confirmed table is the wanted one, each location with all ready
// replicas that should serve.
func (o *oracle) arrived(out Outcome) {
	table := map[plan.LocationKey]plan.Location{}
	for _, l := range out.Have.Gateway.Table.Locations {
		table[l.Key()] = l
	}
	n := len(plan.OwnLocations(out.Have.Gateway.Table))
	if n+len(out.Plan.Aside) != len(out.Have.Own) {
		o.fail("I4 convergence", "of %d own locations there are %d, aside %v", len(out.Have.Own), n, out.Plan.Aside)
	}
	for _, name := range o.want.RouteNames() {
		for _, l := range plan.Locations(o.want.Routes[name]) {
			n++
			have, ok := table[l.Key()]
			switch {
			case !ok && o.waitsForTarget(l, out) && taker(out.Have.Gateway.Table, l).Route != "":
				n--
			case !ok:
				o.fail("I4 convergence", "%s%s has no location", l.Host, l.Path)
			case have.Hash() == l.Hash():
				o.servers(have, out)
			case !o.waitsForTarget(l, out):
				o.fail("I4 convergence", "%s%s has not changed", l.Host, l.Path)
			}
		}
	}
	for key, l := range table {
		_, wanted := o.want.Services[l.Target.Service]
		if !wanted && !l.Own() && o.anyMissing(out) && !o.wantsLocation(key) {
			n++ // it stays with its service
		}
	}
	if n != len(table) {
		o.fail("I4 convergence", "the table has %d locations, and %d are wanted", len(table), n)
	}
}

func (o *oracle) wantsLocation(key plan.LocationKey) bool {
	for _, name := range o.want.RouteNames() {
		if slices.ContainsFunc(plan.Locations(o.want.Routes[name]), func(l plan.Location) bool { return l.Key() == key }) {
			return true
		}
	}
	return false
}

// waitsForTarget: nobody of the location's service is ready, so it stays with the
// one before.
func (o *oracle) waitsForTarget(l plan.Location, out Outcome) bool {
	for _, s := range out.Plan.Services {
		if s.Service == l.Target.Service {
			return s.Ready == 0
		}
	}
	return false
}

func (o *oracle) servers(l plan.Location, out Outcome) {
	for _, s := range out.Plan.Services {
		if s.Service != l.Target.Service || s.Phase != plan.Converged && s.Phase != plan.RolledBack {
			continue
		}
		if len(l.Servers) != s.Wanted {
			o.fail("I4 convergence", "%s%s has %d servers, and %s %d replicas", l.Host, l.Path, len(l.Servers), s.Service, s.Wanted)
		}
		for _, c := range out.Have.Containers {
			at := netip.AddrPortFrom(c.Addr, 80)
			if slices.Contains(l.Servers, at) && (c.Fingerprint != s.Release || !c.Health.Ready) {
				o.fail("I4 convergence", "%s%s goes to %s", l.Host, l.Path, c.Name)
			}
		}
	}
}
