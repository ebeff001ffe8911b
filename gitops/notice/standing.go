package notice

import "time"

// A Standing is how it stands with one target.
type Standing struct {
	Name string
	Kind Kind
	// Waiting are the entries that are still to be sent.
	Waiting int
	// Last is when the target took one last; zero if none is known.
	Last time.Time
	// Problem is why it did not take the last one it was sent.
	Problem string
}

// Standings returns how it stands with each target.
func (n *Notifier) Standings() []Standing {
	out := make([]Standing, len(n.queues))
	for i, q := range n.queues {
		out[i] = q.standing()
	}
	return out
}

func (q *queue) standing() Standing {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := Standing{Name: q.target.Name, Kind: q.target.Kind, Waiting: len(q.waiting), Last: q.last, Problem: q.problem}
	for _, e := range q.sent {
		if e.Sent.After(s.Last) {
			s.Last = e.Sent
		}
	}
	return s
}

// note keeps what became of the last try.
func (q *queue) note(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil {
		q.problem = err.Error()
		return
	}
	q.problem, q.last = "", time.Now()
}
