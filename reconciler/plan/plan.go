package plan

import (
	"time"

	"havn.internal/spec"
)

// A Plan is what is safe to do now, when to look again, and what can't go on.
// It reaches only to the next barrier: no step waits for health, and no step of
// a plan depends on another step of it.
type Plan struct {
	Steps   []Step    `json:"steps"`
	Waits   []Wait    `json:"waits"`
	Blocked []Blocked `json:"blocked"`
	// Unmet is in what the host is not as the site says; see [Plan.Reached].
	Unmet []Unmet `json:"unmet"`
	// Aside is what can't go on of what is the host's own. It is nothing of the site,
	// which converges all the same.
	Aside []Blocked `json:"aside,omitempty"`
	// Notes are what else on the host concerns the site, and what services cost by what
	// their images say, sorted by service.
	Notes []Note `json:"notes,omitempty"`
	// Services says where each service stands, sorted by name.
	Services []Standing `json:"services"`
}

// A Step is one act.
type Step struct {
	// Service is whom it is for; empty for the network, volumes and the gateway.
	Service string `json:"service,omitempty"`
	Action  Action `json:"action"`
	// Why is the cause, for people.
	Why string `json:"why"`
}

// A Wait is a time at which to look again if nothing happens before.
type Wait struct {
	Service string    `json:"service,omitempty"`
	For     WaitFor   `json:"for"`
	Until   time.Time `json:"until"`
	Why     string    `json:"why"`
	// Tries is how often in a row the act failed that is waited for (ForRetry).
	Tries int `json:"tries,omitempty"`
}

// WaitFor names what a Wait is for.
type WaitFor string

const (
	ForReady WaitFor = "ready" // a replica's healthy deadline
	ForNeed  WaitFor = "need"  // another service, which has to be ready or to stop first
	ForWatch WaitFor = "watch" // the end of a watch window
	ForDrain WaitFor = "drain" // a drain, or its deadline
	ForRetry WaitFor = "retry" // the next try of an act that failed
)

// Blocked is what can't go on until somebody acts.
type Blocked struct {
	// Service or Route is what is blocked.
	Service string `json:"service,omitempty"`
	Route   string `json:"route,omitempty"`
	Why     string `json:"why"`
}

// Phase is where a service is on its way.
type Phase string

const (
	Converged  Phase = "converged"
	Waiting    Phase = "waiting"    // for what it needs, an image, a retry
	RollingOut Phase = "rolling"    // on its way to the wanted release
	Watching   Phase = "watching"   // fresh serves, stale is kept warm
	Healing    Phase = "healing"    // at its release, not all replicas ready
	RolledBack Phase = "rolledback" // serving the last good release: a failure
	Stuck      Phase = "blocked"
	Leaving    Phase = "leaving" // not in the site any more
)

// A Standing is where one service stands.
type Standing struct {
	Service string `json:"service"`
	Phase   Phase  `json:"phase"`
	Wanted  int    `json:"wanted"`
	Ready   int    `json:"ready"`
	// Fresh is how many of the ready replicas are of Release.
	Fresh   int              `json:"fresh"`
	Routed  int              `json:"routed"`
	Release spec.Fingerprint `json:"release"`
	Image   string           `json:"image"`
	Detail  string           `json:"detail,omitempty"`
	// Trying: replicas are missing, and nothing is waited for but that they become ready.
	Trying bool `json:"trying,omitempty"`
	// Stalled: it has been trying for longer than its progress deadline.
	Stalled bool `json:"stalled,omitempty"`
}
