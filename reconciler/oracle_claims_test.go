package reconciler

import (
	"fmt"
	"slices"

	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// oneHolder checks I13: a thing that one running replica may hold has at most one holder.
func (o *oracle) oneHolder(v model.View) {
	type holding struct {
		model.Replica
		claim spec.Claim
	}
	var all []holding
	for _, name := range sortedNames(v.Replicas) {
		r := v.Replicas[name]
		if r.Foreign || r.State != plan.Running && r.State != plan.Paused {
			continue
		}
		for _, c := range r.Claims {
			all = append(all, holding{r, c})
		}
	}
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.Name != b.Name && a.claim.Conflicts(b.claim) {
				o.fail("I13 one holder", "%s is held by %s and by %s", a.claim, a.Name, b.Name)
			}
		}
	}
}

func sortedNames(m map[string]model.Replica) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// ordered checks I14 on what a pass decides: what leaves the site goes only when every
// other service is at its wanted, proven release, or for one that takes over what it holds;
// and no release on trial is started while what it needs is not ready.
func (o *oracle) ordered(out Outcome) {
	for _, s := range out.Plan.Steps {
		switch a := s.Action.(type) {
		case plan.Stop:
			o.leaves(out, s.Service, a.Name, s)
		case plan.Remove:
			if c := out.Have.Containers[a.Name]; c.State == plan.Running || c.State == plan.Exited {
				o.leaves(out, s.Service, a.Name, s)
			}
		case plan.Start:
			o.startsWithNeeds(out, a)
		}
	}
}

func (o *oracle) leaves(out Outcome, service, name string, s plan.Step) {
	if _, wanted := o.want.Services[service]; wanted {
		return
	}
	c := out.Have.Containers[name]
	for _, other := range o.want.ServiceNames() {
		want, good := o.want.Services[other], out.Have.LastGood[other]
		_, taken := want.Conflict(c.Release.Service)
		_, takenBack := good.Service.Conflict(c.Release.Service)
		wanted := spec.Release{Service: want, ImageID: out.Have.Images[want.Image].ID}.Fingerprint("s")
		if _, failed := out.Have.Verdicts[plan.VerdictKey{Service: other, Fingerprint: wanted}]; taken || takenBack && failed {
			return
		}
	}
	for _, other := range o.want.ServiceNames() {
		if why := o.notArrived(out, other); why != "" {
			o.fail("I14 order", "%s: %s (%s) though %s\n%+v", service, s.Action, s.Why, why, out.Plan)
		}
	}
}

// notArrived is why a wanted service is not at its wanted, proven release.
func (o *oracle) notArrived(out Outcome, service string) string {
	want := o.want.Services[service]
	if want.Replicas == 0 {
		return ""
	}
	wanted := spec.Release{Service: want, ImageID: out.Have.Images[want.Image].ID}
	good, known := out.Have.LastGood[service]
	if !known || good.Fingerprint("s") != wanted.Fingerprint("s") {
		return fmt.Sprintf("release %s of %s is not proven", wanted.Fingerprint("s").Short(), service)
	}
	return ""
}

func (o *oracle) startsWithNeeds(out Outcome, a plan.Start) {
	name := a.Release.Service.Name
	if good, known := out.Have.LastGood[name]; !known && len(out.Have.Containers) > 0 || known && good.Fingerprint("s") == a.Fingerprint {
		return
	}
	if _, wanted := o.want.Services[name]; !wanted {
		return // it comes back
	}
	for _, need := range a.Release.Service.Needs {
		ready := false
		for _, c := range out.Have.Containers {
			ready = ready || c.Service == need && c.State == plan.Running && c.Health.Ready
		}
		if !ready {
			o.fail("I14 order", "%s is started while %s is not ready", a.Name, need)
		}
	}
}
