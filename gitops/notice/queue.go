package notice

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"sync"
	"text/template"
	"time"
)

const (
	// window is how long the same news is not told again.
	window = time.Hour
	// kept bounds the entries of a target: those that wait, and those that were sent.
	kept = 500
)

// A queue holds the entries of one target, in order. The outbox is behind it: if it
// can't be written, entries are sent all the same, and forgotten by a restart.
type queue struct {
	target Target
	text   *template.Template
	outbox Outbox
	log    *slog.Logger
	wake   chan struct{}

	mu sync.Mutex
	// waiting are to be sent; the first of them may be under way.
	waiting []Entry
	// sent are the ones that were, within the window.
	sent []Entry
	// problem is why the last try failed, last when one succeeded.
	problem string
	last    time.Time
}

// load takes an entry that the outbox kept.
func (q *queue) load(e Entry) {
	if e.Sent.IsZero() {
		q.waiting = append(q.waiting, e)
	} else {
		q.sent = append(q.sent, e)
	}
}

// add takes an event, unless it is no news.
func (q *queue) add(e Event, seq uint64, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.forget(func(s Entry) bool {
		return now.Sub(s.Added).Abs() > window || e.Service == s.Event.Service && e.Over != s.Event.Over
	})
	if q.knows(e) {
		return
	}
	if len(q.waiting) == kept {
		// Not the first: it may be under way.
		old := q.waiting[1]
		q.waiting = slices.Delete(q.waiting, 1, 2)
		q.done(old.ID)
		q.log.Error("a notice was dropped, too many are waiting", "target", q.target.Name, "event", old.Event.Kind, "title", old.Event.Title)
	}
	entry := Entry{ID: rand.Text(), Target: q.target.Name, Seq: seq, Event: e, Added: now}
	q.waiting = append(q.waiting, entry)
	q.put(entry)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// knows: the same news waits or was sent. What waits is news again where the
// opposite was said after it.
func (q *queue) knows(e Event) bool {
	for _, w := range slices.Backward(q.waiting) {
		if w.Event.Service == e.Service && w.Event.Over != e.Over {
			return false
		}
		if w.Event.same(e) {
			return true
		}
	}
	return slices.ContainsFunc(q.sent, func(s Entry) bool { return s.Event.same(e) })
}

// forget forgets what was sent and is out of date.
func (q *queue) forget(old func(Entry) bool) {
	q.sent = slices.DeleteFunc(q.sent, func(e Entry) bool {
		if old(e) {
			q.done(e.ID)
			return true
		}
		return false
	})
}

// first is the entry to send next.
func (q *queue) first(ctx context.Context) (Entry, bool) {
	for ctx.Err() == nil {
		q.mu.Lock()
		if len(q.waiting) > 0 {
			defer q.mu.Unlock()
			return q.waiting[0], true
		}
		q.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-q.wake:
		}
	}
	return Entry{}, false
}

// took notes that the target has taken the first entry.
func (q *queue) took(e Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e.Sent = time.Now()
	q.waiting = q.waiting[1:]
	if len(q.sent) == kept {
		q.done(q.sent[0].ID)
		q.sent = slices.Delete(q.sent, 0, 1)
	}
	q.sent = append(q.sent, e)
	q.put(e)
}

// failed notes another try of the first entry.
func (q *queue) failed(e Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting[0] = e
	q.put(e)
}

// drop gives the first entry up.
func (q *queue) drop(e Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = q.waiting[1:]
	q.done(e.ID)
}

func (q *queue) put(e Entry) {
	if err := q.outbox.Put(e); err != nil {
		q.log.Error("a notice was not written to the outbox", "target", q.target.Name, "err", err)
	}
}

func (q *queue) done(id string) {
	if err := q.outbox.Done(id); err != nil {
		q.log.Error("a notice was not taken out of the outbox", "target", q.target.Name, "err", err)
	}
}
