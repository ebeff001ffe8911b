package model

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A handing is what a service has to give up because another one claims it.
type handing struct {
	claim spec.Claim
	to    string
	// over: the one that takes it has answered.
	over bool
}

func (h handing) why() string { return fmt.Sprintf("%s goes to %s", h.claim, h.to) }

// handings are what running replicas hold and other services of the site claim, by the
// service that holds it.
func handings(want spec.Site, have plan.Observed) map[string]*handing {
	out := map[string]*handing{}
	for _, name := range slices.Sorted(maps.Keys(have.Containers)) {
		c := have.Containers[name]
		if c.State != plan.Running || out[c.Service] != nil {
			continue
		}
		for _, taker := range want.ServiceNames() {
			claim, conflict := want.Services[taker].Conflict(c.Release.Service)
			if conflict && taker != c.Service && want.Services[taker].Replicas > 0 {
				out[c.Service] = &handing{claim: claim, to: taker}
				break
			}
		}
	}
	return out
}

// count adds a time to the outage of each service that answered when the forecast began, is
// to go on, or to be followed by one that takes over what it holds, and does not answer.
func (f *forecast) count(took time.Duration) {
	for _, name := range f.answers {
		h := f.handed[name]
		wanted := f.want.Services[name].Replicas > 0
		if !wanted && (h == nil || h.over) || f.host.answers(name) {
			continue
		}
		if !wanted && f.host.answers(h.to) {
			h.over = true
			continue
		}
		f.outage[name] += took
	}
}
