package reconciler

import (
	"errors"
	"fmt"

	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// truthful checks I12 on what a pass says, against the host as it really is: "reached" only
// of a revision that is; and of anything else a cause, and a time to look again.
func (o *oracle) truthful(out Outcome, v model.View) {
	if out.Err != nil {
		return
	}
	settled := out.Settled()
	if settled == nil {
		if lie := o.unreached(v); lie != "" {
			o.fail("I12 truth", "revision %s is said to be reached, and %s\n%+v\n%+v\n%+v", out.Revision, lie, out.Plan, out.Have.Containers, v.Replicas)
		}
		return
	}
	if out.Plan.Reached() {
		o.fail("I12 truth", "the plan says reached, the outcome %v", settled)
	}
	if !out.Busy && len(out.Plan.Waits)+len(out.Plan.Blocked) == 0 {
		o.fail("I12 truth", "%s is not reached, and nothing says why: %+v", out.Revision, out.Plan.Unmet)
	}
	if len(out.Plan.Unmet)+len(out.Plan.Steps) == 0 && !out.Busy {
		o.fail("I12 truth", "%s is not reached, and nothing is unmet", out.Revision)
	}
	if !errors.Is(settled, ErrUnderWay) && len(out.Troubles()) == 0 {
		o.fail("I12 truth", "%s is given up without a trouble: %v", out.Revision, settled)
	}
	for _, s := range out.Plan.Services {
		if lie := o.phaseLies(s, v); lie != "" {
			o.fail("I12 truth", "%s is said to be %s, and %s", s.Service, s.Phase, lie)
		}
	}
}

// unreached is in what the host is not as the wanted site says, "" if in nothing. It knows
// the host, and not the plan.
func (o *oracle) unreached(v model.View) string {
	routed := map[string]bool{}
	for _, name := range o.want.RouteNames() {
		for _, l := range plan.Locations(o.want.Routes[name]) {
			routed[l.Target.Service] = true
			if lie := tableLacks(v.Table, l); lie != "" {
				return lie
			}
		}
	}
	if len(o.want.Routes) > 0 && !v.Serving {
		return "nginx does not run"
	}
	for _, name := range o.want.ServiceNames() {
		if lie := o.serviceLacks(o.want.Services[name], routed[name], v); lie != "" {
			return lie
		}
	}
	for _, name := range sortedNames(v.Replicas) {
		if _, wanted := o.want.Services[v.Replicas[name].Service]; !v.Replicas[name].Foreign && !wanted {
			return name + " is there"
		}
	}
	for key, a := range o.acts.flying {
		if _, collects := a.(plan.RemoveImage); collects {
			continue
		}
		return "there is an act under way on " + key
	}
	return ""
}

func tableLacks(t plan.Table, want plan.Location) string {
	for _, l := range t.Locations {
		if l.Key() == want.Key() {
			if l.Hash() != want.Hash() {
				return want.Where() + " is as it was before"
			}
			return ""
		}
	}
	return want.Where() + " is not routed"
}

func (o *oracle) serviceLacks(s spec.Service, routed bool, v model.View) string {
	wanted := spec.Release{Service: s, ImageID: o.havn.Last().Have.Images[s.Image].ID}.Fingerprint("s")
	if good, known := o.journal.LastGood()[s.Name]; s.Replicas > 0 && (!known || good.Fingerprint("s") != wanted) {
		return fmt.Sprintf("release %s of %s is not proven", wanted.Short(), s.Name)
	}
	ready := 0
	for _, name := range sortedNames(v.Replicas) {
		switch r := v.Replicas[name]; {
		case r.Foreign || r.Service != s.Name:
		case r.Fingerprint != wanted:
			return name + " of another release is there"
		case !r.Ready:
			return name + " is not ready"
		case routed && !r.Routed:
			return name + " is not routed"
		default:
			ready++
		}
	}
	if ready != s.Replicas {
		return fmt.Sprintf("%d of %d replicas of %s are ready", ready, s.Replicas, s.Name)
	}
	return ""
}

// phaseLies: a service is called converged, or watched, while no replica of it is ready.
func (o *oracle) phaseLies(s plan.Standing, v model.View) string {
	if s.Phase != plan.Converged && s.Phase != plan.Watching {
		return ""
	}
	ready := 0
	for _, r := range v.Replicas {
		if r.Service == s.Service && !r.Foreign && r.Fingerprint == s.Release && r.Ready {
			ready++
		}
	}
	if ready < s.Wanted {
		return fmt.Sprintf("%d of %d replicas are ready", ready, s.Wanted)
	}
	return ""
}
