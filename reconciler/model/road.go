package model

import (
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A Road is all that will happen until the host is as wanted, if new releases
// become ready and pulls succeed. The times are estimates, the order is not.
type Road struct {
	// Hash identifies what the road was made from; see [Hash].
	Hash string `json:"hash"`
	// Machine is what the machine is told that it was not told before.
	Machine []plan.Change `json:"machine,omitempty"`
	Changes []Change      `json:"changes"`
	Steps   []Step        `json:"steps"`
	// Cleanup removes what nothing needs any more. It is no change of the site: a road of
	// nothing else has nothing pending.
	Cleanup []Step         `json:"cleanup,omitempty"`
	Blocked []plan.Blocked `json:"blocked"`
	// Notes are what services cost by what their images say.
	Notes []plan.Note `json:"notes,omitempty"`
	// Converges: the road ends with the host as wanted. Otherwise it ends where
	// nothing more can be done.
	Converges bool          `json:"converges"`
	Took      spec.Duration `json:"took"`
}

// A Step is one act on the road.
type Step struct {
	// After is the time since the first step.
	After   spec.Duration `json:"after"`
	Service string        `json:"service,omitempty"`
	Act     string        `json:"act"`
	Why     string        `json:"why"`
}

// Kind says what becomes of something.
type Kind string

const (
	Created  Kind = "created"
	Updated  Kind = "updated"  // another release, another target
	Scaled   Kind = "scaled"   // the same release, another number of replicas
	Adjusted Kind = "adjusted" // the same release, which havn runs in another way
	Repaired Kind = "repaired" // nothing new is wanted, the host has drifted
	Removed  Kind = "removed"
)

// A Change is what becomes of one service, route or volume.
type Change struct {
	Service string `json:"service,omitempty"`
	Route   string `json:"route,omitempty"`
	Volume  string `json:"volume,omitempty"`
	// Where is the host and path of a route's location.
	Where  string        `json:"where,omitempty"`
	Kind   Kind          `json:"kind"`
	Fields []plan.Change `json:"fields,omitempty"`
	// Strategy is how a service gets there.
	Strategy spec.Strategy `json:"strategy,omitempty"`
	// Downtime: the service answers nobody for about Outage, or from then on if
	// that is 0, because of OutageWhy.
	Downtime  bool          `json:"downtime"`
	Outage    spec.Duration `json:"outage,omitempty"`
	OutageWhy string        `json:"outageWhy,omitempty"`
}

// Pending reports whether there is anything to do.
func (r Road) Pending() bool {
	return len(r.Steps) > 0 || len(r.Machine) > 0 || len(r.Changes) > 0 || len(r.Blocked) > 0
}

// Forecast runs the planner on a host like the observed one until it has
// converged or nothing more can be done. Values that may be secret are not in it.
func Forecast(want spec.Site, have plan.Observed, now time.Time) Road {
	return ForecastWith(want, have, now, plan.HideValues)
}

// ForecastWith is [Forecast], with the values that may be secret if they are asked for.
func ForecastWith(want spec.Site, have plan.Observed, now time.Time, v plan.Values) Road {
	f := newForecast(want, have, now)
	r := Road{Hash: Hash(want, have), Changes: changes(want, have, v), Steps: []Step{}, Blocked: []plan.Blocked{}}
	r.Converges = f.run(&r)
	r.Took = spec.Duration(f.last.Sub(now))
	if len(r.Steps) == 0 {
		r.Took = 0
	}
	for i := range r.Changes {
		r.Changes[i].outage(want, f)
	}
	return r
}
