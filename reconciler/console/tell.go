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

// Forge is who is told what became of commits.
type Forge struct {
	Kind       string `json:"kind"`
	Repository string `json:"repository"`
	// Problem is why the last status was not set.
	Problem string `json:"problem,omitempty"`
}

// Notify is somebody who is told what happens.
type Notify struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Waiting are the messages that are still to be sent.
	Waiting int `json:"waiting,omitempty"`
	// Last is when one was taken last, zero if none was of late.
	Last time.Time `json:"last,omitzero"`
	// Problem is why the last one was not taken.
	Problem string `json:"problem,omitempty"`
}
