package notice

import "time"

// An Entry is an event on its way to one target. After it was taken it stays for a
// while, so that the same news isn't told again after a restart.
type Entry struct {
	// ID is what receivers know the message by, the same at every try.
	ID     string `json:"id"`
	Target string `json:"target"`
	// Seq orders the entries.
	Seq   uint64    `json:"seq"`
	Event Event     `json:"event"`
	Added time.Time `json:"added"`
	// Tries failed, and Refused are those of them that the target said no to.
	Tries   int `json:"tries,omitempty"`
	Refused int `json:"refused,omitempty"`
	// Sent is when the target took it; zero is not yet.
	Sent time.Time `json:"sent,omitzero"`
}

// An Outbox keeps entries over restarts. It is used by several goroutines.
type Outbox interface {
	// Put keeps an entry, in place of the one with its ID.
	Put(Entry) error
	// List returns all entries, in any order.
	List() ([]Entry, error)
	// Done forgets an entry. One that is not there is no error.
	Done(id string) error
}
