package apply

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"havn.internal/reconciler/plan"
)

// The first retry of an act that failed comes after firstRetry, each further one
// after twice the time, up to lastRetry; a tenth of it either way is chance, so
// that many failures do not come back together.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// startsAtOnce bounds the container acts that run at the same time.
const startsAtOnce = 4

// Done is the outcome of one act.
type Done struct {
	Step plan.Step
	Took time.Duration
	Err  error
}

// Acts carries out steps in the background, each once: an act whose key is in
// flight is not started again. What is in flight and what failed is part of what
// the next pass observes.
type Acts struct {
	host Host
	now  func() time.Time
	// ended is told of each outcome while the act still counts as in flight, so that
	// nobody sees it as over without what it has changed; wake is called afterwards.
	// Both are called from the act's goroutine.
	ended func(Done)
	wake  func()

	mu       sync.Mutex
	inFlight map[string]plan.Action
	failures map[string]plan.Failure
	slots    chan struct{}
	running  sync.WaitGroup
}

// NewActs returns an Acts that tells ended of each outcome, and then calls wake.
func NewActs(host Host, now func() time.Time, ended func(Done), wake func()) *Acts {
	return &Acts{
		host: host, now: now, ended: ended, wake: wake,
		inFlight: map[string]plan.Action{}, failures: map[string]plan.Failure{},
		slots: make(chan struct{}, startsAtOnce),
	}
}

// Begin starts a step in the background. It does nothing if an act with its key
// is in flight.
func (a *Acts) Begin(ctx context.Context, s plan.Step) {
	key := s.Action.Key()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.inFlight[key] != nil {
		return
	}
	a.inFlight[key] = s.Action
	a.running.Go(func() { a.carryOut(ctx, key, s) })
}

func (a *Acts) carryOut(ctx context.Context, key string, s plan.Step) {
	release := a.admit(ctx, s.Action)
	begin := a.now()
	err := a.host.Do(ctx, s)
	release()
	a.ended(Done{Step: s, Took: a.now().Sub(begin), Err: err})
	a.mu.Lock()
	delete(a.inFlight, key)
	a.remember(key, err)
	a.mu.Unlock()
	a.wake()
}

// admit waits for a slot if the act is one that loads the engine. A stop is not:
// it mostly waits.
func (a *Acts) admit(ctx context.Context, action plan.Action) (release func()) {
	switch action.(type) {
	case plan.Start, plan.Prepare:
	default:
		return func() {}
	}
	select {
	case a.slots <- struct{}{}:
		return func() { <-a.slots }
	case <-ctx.Done():
		return func() {}
	}
}

// remember keeps failures for the planner.
func (a *Acts) remember(key string, err error) {
	f, failed := Failed(a.failures[key], err, a.now())
	if !failed {
		delete(a.failures, key)
		return
	}
	chance := backoff(f.Count) / 10
	f.Retry = f.Retry.Add(rand.N(2*chance) - chance)
	a.failures[key] = f
}

// Failed is what an act's error means after the failures before it; false if it
// is none. Locations that nginx refused are reported by the gateway itself and are
// no failure of the act.
func Failed(before plan.Failure, err error, now time.Time) (plan.Failure, bool) {
	var rejected *RejectedError
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &rejected) && rejected.Applied {
		return plan.Failure{}, false
	}
	count := before.Count + 1
	cause := err
	if inner := errors.Unwrap(err); inner != nil {
		// The planner knows the step; what it was that failed is enough.
		cause = inner
	}
	return plan.Failure{Err: cause.Error(), Release: errors.Is(err, ErrRelease), Count: count, Retry: now.Add(backoff(count))}, true
}

// backoff is the pause after so many failures in a row, from 1.
func backoff(count int) time.Duration {
	const enough = 6 // by then it is longer than lastRetry
	return min(lastRetry, firstRetry<<min(count-1, enough))
}

// InFlight returns the acts that have not ended.
func (a *Acts) InFlight() map[string]plan.Action {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.inFlight)
}

// Failures returns the acts that failed and have not succeeded since.
func (a *Acts) Failures() map[string]plan.Failure {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.failures)
}

// Forget drops all failures, so that everything may be tried at once: the
// revision changed, or a person asked.
func (a *Acts) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.failures)
}

// Wait waits for every act to end.
func (a *Acts) Wait() { a.running.Wait() }
