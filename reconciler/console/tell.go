package console

import "time"

// Hook is where webhooks come in.
type Hook struct {
	Kind string `json:"kind"`
	// At are the addresses, and the paths of the gateway.
	At []string `json:"at"`
	// Last is when a signed one came last, zero if none has since havn started.
	Last time.Time `json:"last,omitzero"`
	// Refused counts those that were not signed right, RefusedAt is the last of them.
	Refused   int       `json:"refused,omitempty"`
	RefusedAt time.Time `json:"refusedAt,omitzero"`
	// Problem is why they don't come in.
	Problem string `json:"problem,omitempty"`
}
