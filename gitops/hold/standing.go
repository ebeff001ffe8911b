package hold

import (
	"fmt"
	"time"
)

// A Standing is what keeps the host from being as the source says, for people and
// for scripts. The zero Standing is a host that follows its source.
type Standing struct {
	// Wanted is the revision that is wanted, Base the one it was made from without
	// pinned services.
	Wanted string `json:"wanted,omitempty"`
	Base   string `json:"base,omitempty"`
	Pins   []Note `json:"pins,omitempty"`
	// Waits is the revision of the source that is not wanted yet, because of Why.
	Waits string `json:"waits,omitempty"`
	Why   string `json:"why,omitempty"`
	// Frozen: no new revision may come now, until Until if that is not zero.
	Frozen string    `json:"frozen,omitempty"`
	Until  time.Time `json:"until,omitzero"`
	// Problem is why it can't be known what is pinned.
	Problem string `json:"problem,omitempty"`
}

// A Note is a pin without what is pinned.
type Note struct {
	Kind     Kind      `json:"kind"`
	Service  string    `json:"service,omitempty"`
	Revision string    `json:"revision"`
	From     string    `json:"from,omitempty"`
	At       time.Time `json:"at"`
	By
}

func (n Note) String() string {
	return Pin{Kind: n.Kind, Service: n.Service, Revision: n.Revision, From: n.From, At: n.At, By: n.By}.String()
}

func notes(s State) []Note {
	var out []Note
	for _, p := range s.Pins() {
		out = append(out, Note{p.Kind, p.Service, p.Revision, p.From, p.At, p.By})
	}
	return out
}

// Pinned: the host, or a service, is not where the source says.
func (s Standing) Pinned() bool { return len(s.Pins) > 0 }

// Lines says it in words, a line each; none if there is nothing to say.
func (s Standing) Lines() []string {
	var out []string
	if s.Problem != "" {
		out = append(out, s.Problem)
	}
	for _, p := range s.Pins {
		undo := "havn unpin"
		if p.Service != "" {
			undo += " " + p.Service
		}
		out = append(out, fmt.Sprintf("%s; `%s` goes on with the source", p, undo))
	}
	if s.Frozen != "" {
		out = append(out, s.Frozen)
	}
	if s.Waits != "" {
		out = append(out, fmt.Sprintf("revision %s waits: %s", Short(s.Waits), s.Why))
	}
	return out
}
