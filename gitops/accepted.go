package gitops

import (
	"fmt"
	"time"
)

// Accepted is the revision that a source took last. It is what a later one must
// descend from.
type Accepted struct {
	Commit string `json:"commit"`
	// Tree is the content of the spec path, or what of the module around it the spec
	// at Inside is made of.
	Tree   string `json:"tree"`
	Inside string `json:"inside,omitempty"`
	// Source is the remote and what is followed there; another one starts anew.
	Source string `json:"source"`
	Path   string `json:"path,omitempty"`

	Subject string    `json:"subject,omitempty"`
	Author  string    `json:"author,omitempty"`
	Signer  string    `json:"signer,omitempty"`
	Time    time.Time `json:"time"`
	At      time.Time `json:"at"`
}

// A Memory outlives the process. One that forgets costs the check that the next
// revision descends from the last.
type Memory interface {
	// Accepted is the revision that was accepted last; false if there is none.
	Accepted() (Accepted, bool, error)
	Accept(Accepted) error
}

// Held is a revision that is not delivered until a person, or a newer revision,
// changes that.
type Held struct {
	// Commit is empty if the remote no longer has what is followed.
	Commit string
	Why    string
	// Do is what a person can do about it.
	Do string
	// Acceptable: Accept lets this revision pass.
	Acceptable bool
	// final: nothing on this host changes it, so it is not looked at each time.
	final bool
}

func (h *Held) Error() string {
	if h.Commit == "" {
		return h.Reason()
	}
	return fmt.Sprintf("revision %.12s is held: %s", h.Commit, h.Reason())
}

// Reason is the error for where the revision is named anyway.
func (h *Held) Reason() string {
	return fmt.Sprintf("%s; what runs keeps running; %s", h.Why, h.Do)
}

// A Status says where a source stands.
type Status struct {
	Accepted Accepted
	// Contact is when the remote answered last, Next when it is asked again.
	Contact, Next time.Time
	// Held is the revision that waits for a person.
	Held *Held
	// Err is why the remote could not be asked, or its answer not be used.
	Err error
}
