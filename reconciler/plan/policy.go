package plan

import (
	"slices"

	"havn.internal/spec"
)

// refused are the reasons why this machine does not let a replica of the service be
// started, none if it does. What runs already is not affected: a policy that has become
// stricter ends nothing.
func (m *maker) refused(s spec.Service) []string {
	var why []string
	for _, r := range slices.Concat(m.overall, m.have.Policy.Refuse(s)) {
		why = append(why, r.String())
	}
	for _, source := range s.Binds {
		if problem := m.have.Binds[source]; problem != "" {
			why = append(why, problem)
		}
	}
	for _, claim := range s.Claims() {
		if problem := m.have.Ports[claim.String()]; problem != "" {
			why = append(why, problem)
		}
	}
	slices.Sort(why)
	return slices.Compact(why)
}

// blockAll blocks the service for each of the reasons that has not been given yet.
func (m *maker) blockAll(service string, why []string) {
	for _, text := range why {
		if !slices.Contains(m.plan.Blocked, Blocked{Service: service, Why: text}) {
			m.block(service, text)
		}
	}
}

// refuse keeps what runs of a service whose wanted release the machine refuses. Its
// image is not fetched.
func (m *maker) refuse(v *view, why []string) {
	v.phase = Stuck
	m.blockAll(v.name, why)
	wanted := spec.Release{Service: v.wanted, ImageID: m.have.Images[v.wanted.Image].ID}
	f := wanted.Fingerprint(m.have.Site)
	if slices.ContainsFunc(v.all, func(c Container) bool { return c.Fingerprint == f }) {
		v.setTarget(m, wanted, m.isProven(v.name, f))
		return
	}
	m.stay(v, f)
}
