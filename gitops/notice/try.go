package notice

import (
	"context"
	"crypto/rand"
	"sync"
	"time"
)

// A Tried is what became of a message that tries a target out.
type Tried struct {
	Name string
	Kind Kind
	// Err is why the target did not take it.
	Err error
}

// Try sends each target one message, at once and beside what waits, whatever it wants
// to be told of.
func (n *Notifier) Try(ctx context.Context) []Tried {
	out := make([]Tried, len(n.queues))
	var sending sync.WaitGroup
	for i, q := range n.queues {
		out[i] = Tried{Name: q.target.Name, Kind: q.target.Kind}
		sending.Go(func() {
			now := time.Now()
			e := Event{At: now, Kind: "notify.test", Severity: Info, Title: "this is a test; nothing is wrong"}
			out[i].Err = n.send(ctx, q, Entry{ID: rand.Text(), Target: q.target.Name, Event: e, Added: now})
		})
	}
	sending.Wait()
	return out
}
