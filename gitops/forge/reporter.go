package forge

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// While a forge is away it is asked again after longer and longer waits.
	firstWait = time.Second
	lastWait  = 5 * time.Minute
	// kept bounds the commits that are remembered or waited for.
	kept = 100
	// A commit whose state goes up and down gets only so many statuses as they come,
	// then one a pause: GitHub takes a thousand in all.
	prompt = 20
	pause  = 15 * time.Minute
)

// A Reporter sets statuses in the background. Of what it could not say yet only the
// newest of a commit counts. A token, a repository or a commit that a forge refuses is
// tried again, a minute apart at least, and at once when the token's file changes; a status
// that it refuses if it is reported again, after a pause. What was not said before
// a restart is not remembered: whoever uses it reports anew what is so.
type Reporter struct {
	client *Client
	log    *slog.Logger
	wake   chan struct{}

	mu sync.Mutex
	// commits are in the order in which they were first reported.
	commits []*report
	said    *saying
	problem string
}

// Problem is why the last status was not set, empty if it was.
func (r *Reporter) Problem() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.problem
}

func (r *Reporter) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problem = ""
	if err != nil {
		r.problem = err.Error()
	}
}

// A report is what is to be said of a commit, and what was.
type report struct {
	want, said Status
	open       bool
	refused    bool
	count      int
	at         time.Time
	// again is when a commit that the forge did not know is tried again, after tries.
	again time.Time
	tries int
}

// NewReporter returns a Reporter. It says nothing before Run. The memory may be nil.
func NewReporter(c *Client, m Memory, log *slog.Logger) *Reporter {
	return &Reporter{client: c, log: log, wake: make(chan struct{}, 1), said: newSaying(m, c.Repository)}
}

// Report has a status set. It doesn't wait.
func (r *Reporter) Report(s Status) {
	if err := s.check(); err != nil {
		r.log.Error("a commit status was not reported", "err", err)
		return
	}
	r.mu.Lock()
	p := r.find(s)
	p.want, p.open = s, s != p.said || p.refused
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Reporter) find(s Status) *report {
	for _, p := range r.commits {
		if p.want.Commit == s.Commit && p.want.Context == s.Context {
			return p
		}
	}
	if len(r.commits) == kept {
		r.commits = slices.Delete(r.commits, 0, 1)
	}
	p := &report{}
	if r.said.has(s) {
		p.said = s
	}
	r.commits = append(r.commits, p)
	return p
}

// Run sets the statuses that are reported until ctx ends.
func (r *Reporter) Run(ctx context.Context) error {
	tries := 0
	for ctx.Err() == nil {
		p, s, wait := r.next(time.Now())
		if p == nil {
			r.sleep(ctx, wait, r.wake)
			continue
		}
		err := r.client.Set(ctx, s)
		if ctx.Err() != nil {
			break
		}
		r.note(err)
		about, wait := weigh(err, max(tries, p.tries))
		r.tell(s, err, about, tries)
		switch about {
		case everything:
			tries++
			r.sleep(ctx, wait, nil)
			continue
		case theToken:
			if tries++; r.awaitToken(ctx, wait) {
				tries = 0
			}
			continue
		case thisCommit:
			r.postpone(p, wait)
		default:
			r.done(p, s, err)
		}
		tries = 0
	}
	return ctx.Err()
}

// tell logs what is not set, once for as long as everything waits.
func (r *Reporter) tell(s Status, err error, about concern, tries int) {
	switch {
	case err == nil:
	case about == thisStatus:
		r.log.Error("a commit status was not set", "commit", s.Commit, "state", s.State, "err", err)
	case tries == 0:
		r.log.Warn("a commit status is still to be set", "commit", s.Commit, "state", s.State, "err", err)
	}
}

// postpone has a commit wait while others are told.
func (r *Reporter) postpone(p *report, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.tries++
	p.again = time.Now().Add(wait)
}

// next is the first commit that something is to be said of now, or nil and how long
// until there is one; 0 is that nobody knows.
func (r *Reporter) next(now time.Time) (p *report, s Status, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.commits {
		if !p.open {
			continue
		}
		rest := p.at.Add(pause).Sub(now)
		if p.count < prompt && p.want != p.said {
			rest = 0
		}
		rest = max(rest, p.again.Sub(now))
		if rest <= 0 {
			return p, p.want, 0
		}
		if wait == 0 || rest < wait {
			wait = rest
		}
	}
	return nil, Status{}, wait
}

func (r *Reporter) done(p *report, s Status, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.said, p.refused, p.open, p.at = s, err != nil, p.want != s, time.Now()
	p.count++
	p.tries, p.again = 0, time.Time{}
	if err == nil {
		r.said.note(s)
	}
}

// sleep waits, without an end if wait is 0, and is woken early.
func (r *Reporter) sleep(ctx context.Context, wait time.Duration, wake <-chan struct{}) {
	var over <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-ctx.Done():
	case <-wake:
	case <-over:
	}
}
