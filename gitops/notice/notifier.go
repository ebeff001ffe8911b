package notice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"havn.internal/gitops/egress"
	"havn.internal/gitops/secret"
)

const (
	// A target that is away is tried after longer and longer waits.
	firstWait = time.Second
	lastWait  = 5 * time.Minute
	// A notice that the target says no to is tried refusals times, at longer waits, and
	// one that it can't be reached with for oldest; then it is dropped, so that it
	// doesn't hold up the others for good.
	refusals    = 5
	refusedWait = 10 * time.Second
	oldest      = 72 * time.Hour
)

// Options say who is told, and how.
type Options struct {
	// Host is the name of this host, for people.
	Host    string
	Targets []Target
	Outbox  Outbox
	Egress  *egress.Client
	// Hide are files whose secrets are in no notice either.
	Hide []secret.File
	Log  *slog.Logger
}

// A Notifier tells targets of events.
type Notifier struct {
	host   string
	egress *egress.Client
	files  []secret.File
	log    *slog.Logger
	queues []*queue

	mu  sync.Mutex
	seq uint64
}

// New returns a Notifier that goes on with what the outbox holds. It sends nothing
// before Run.
func New(o Options) (*Notifier, error) {
	n := &Notifier{host: o.Host, egress: o.Egress, files: slices.Clone(o.Hide), log: o.Log}
	queues := map[string]*queue{}
	for _, t := range o.Targets {
		text, err := t.check()
		if err != nil {
			return nil, fmt.Errorf("notice: %s: %w", t.Name, err)
		}
		if queues[t.Name] != nil {
			return nil, fmt.Errorf("notice: %s: two targets of this name", t.Name)
		}
		q := &queue{target: t, text: text, outbox: o.Outbox, log: o.Log, wake: make(chan struct{}, 1)}
		queues[t.Name] = q
		n.queues, n.files = append(n.queues, q), append(n.files, t.Files()...)
	}
	entries, err := o.Outbox.List()
	if err != nil {
		o.Log.Error("the outbox can't be read; what was in it is not sent", "err", err)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, e := range entries {
		n.seq = max(n.seq, e.Seq)
		if q := queues[e.Target]; q != nil {
			q.load(e)
		} else if err := o.Outbox.Done(e.ID); err != nil {
			o.Log.Error("a notice was not taken out of the outbox", "target", e.Target, "err", err)
		}
	}
	return n, nil
}

// Notify has an event told to the targets that want it. It doesn't wait for them.
func (n *Notifier) Notify(e Event) {
	now := time.Now()
	if e.At.IsZero() {
		e.At = now
	}
	e = e.clean(secret.Values(n.files...))
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, q := range n.queues {
		if q.target.wants(e) {
			n.seq++
			q.add(e, n.seq, now)
		}
	}
}

// Run sends until ctx ends.
func (n *Notifier) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, q := range n.queues {
		running.Go(func() { n.deliver(ctx, q) })
	}
	<-ctx.Done()
	running.Wait()
	return ctx.Err()
}

// deliver sends the entries of one target, one after the other.
func (n *Notifier) deliver(ctx context.Context, q *queue) {
	for {
		e, ok := q.first(ctx)
		if !ok {
			return
		}
		err := n.send(ctx, q, e)
		if ctx.Err() != nil {
			// Whether it arrived is not known; it is sent again, with the same ID.
			return
		}
		q.note(err)
		if err == nil {
			q.took(e)
			continue
		}
		wait, hope := e.failed(err)
		if !hope {
			n.log.Error("a notice was dropped", "target", q.target.Name, "event", e.Event.Kind, "title", e.Event.Title, "tries", e.Tries, "err", err)
			q.drop(e)
			continue
		}
		if e.Tries == 1 {
			n.log.Warn("a notice is still to be sent", "target", q.target.Name, "event", e.Event.Kind, "err", err)
		}
		q.failed(e)
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
}

func (n *Notifier) send(ctx context.Context, q *queue, e Entry) error {
	r, err := message(q.target, q.text, n.host, e, secret.Values(n.files...))
	if err != nil {
		return err
	}
	return n.egress.Send(ctx, r)
}

// failed counts a failure, and says when to try again or that there is no hope.
func (e *Entry) failed(err error) (wait time.Duration, hope bool) {
	wait = egress.Backoff(firstWait, lastWait, e.Tries)
	e.Tries++
	var refusal *egress.Refusal
	told := errors.As(err, &refusal)
	if told && !refusal.Passing() {
		wait = egress.Backoff(refusedWait, refusedWait<<refusals, e.Refused)
		e.Refused++
	}
	if told {
		wait = max(wait, refusal.After)
	}
	return wait, !errors.Is(err, errMessage) && e.Refused < refusals && time.Since(e.Added).Abs() < oldest
}
