package hook

import "time"

// Heard is what a Receiver has heard so far.
type Heard struct {
	// Last is when a signed hook came last; zero is never.
	Last time.Time
	// Refused counts those that were not signed right, Lately is the last of them.
	Refused int
	Lately  time.Time
}

// Heard returns what has come since the Receiver was made.
func (r *Receiver) Heard() Heard {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard
}

// count notes an answer.
func (r *Receiver) count(signed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if signed {
		r.heard.Last = time.Now()
		return
	}
	r.heard.Refused++
	r.heard.Lately = time.Now()
}
