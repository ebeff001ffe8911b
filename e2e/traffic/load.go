package traffic

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A Load is a constant stream of requests to one service: each is sent when it is
// due, however slow the ones before it are.
type Load struct {
	Addr string // of the gateway
	Host string // the Host header
	Path string
	// Service is who must answer, and Versions which of its versions may. No
	// versions: any.
	Service  string
	Versions []string
	Rate     int // requests a second
}

const (
	// requestDeadline bounds one request, so that one which hangs counts as lost.
	requestDeadline = 20 * time.Second
	// outstanding bounds the requests under way; more due than that are lost.
	outstanding = 512
	// freshEvery: of so many requests one opens its own connection.
	freshEvery = 16
	// idleLimit is when a client lets go of a connection it has not used. It is well
	// below the time for which nginx promises to keep one (keepalive_min_timeout):
	// one idle for longer may be closed at any moment, with a request on its way.
	idleLimit = time.Second
)

// A Stream is a load being sent.
type Stream struct {
	load   Load
	cancel context.CancelFunc
	done   chan struct{}
	slots  chan struct{}

	mu     sync.Mutex
	idle   []*conn
	report Report
}

// Start starts the load. Stop must be called.
func (l Load) Start() *Stream {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Stream{
		load: l, cancel: cancel, done: make(chan struct{}), slots: make(chan struct{}, outstanding),
		report: Report{Versions: map[string]int{}, Hosts: map[string]int{}},
	}
	go s.run(ctx)
	return s
}

// Stop ends the load, waits for the requests under way, and returns the outcome.
func (s *Stream) Stop() Report {
	s.cancel()
	<-s.done
	return s.Report()
}

// Report returns the outcome so far.
func (s *Stream) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report.clone()
}

func (s *Stream) run(ctx context.Context) {
	defer close(s.done)
	var requests sync.WaitGroup
	every := time.Second / time.Duration(s.load.Rate)
	due := time.Now()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			requests.Wait()
			s.hangUp()
			return
		case <-time.After(time.Until(due)):
		}
		due = due.Add(every)
		select {
		case s.slots <- struct{}{}:
		default:
			s.lost(errors.New("too many requests under way"))
			continue
		}
		requests.Go(func() {
			defer func() { <-s.slots }()
			s.one(i)
		})
	}
}

// one sends the i-th request: every other is a POST, some on a connection of their
// own, the others on one kept alive.
func (s *Stream) one(i int) {
	r := request{method: http.MethodGet, host: s.load.Host, path: s.load.Path}
	if i%2 == 1 {
		r.method, r.body = http.MethodPost, payload(1+rand.IntN(16<<10))
	}
	fresh := i%freshEvery == freshEvery-1
	start := time.Now()
	c, err := s.take(fresh)
	if err != nil {
		s.lost(fmt.Errorf("connect: %w", err))
		return
	}
	a, keep, err := c.send(r)
	if err == nil {
		err = s.check(r, a)
	}
	took := time.Since(start)
	if err != nil || !keep || fresh {
		c.close()
	} else {
		s.give(c)
	}
	if err != nil {
		s.lost(fmt.Errorf("%s, request %d of %s: %w", r.method, c.used, c.name(), err))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.answered(a, took)
}

// check says what is wrong with who answered, or with what arrived there.
func (s *Stream) check(r request, a Answer) error {
	switch {
	case s.load.Service != "" && a.Service != s.load.Service:
		return fmt.Errorf("misrouted: answered by service %q", a.Service)
	case !s.allowed(a.Version):
		return fmt.Errorf("misrouted: answered by version %q", a.Version)
	}
	return a.of(r)
}

// Allow says which versions may answer from now on.
func (s *Stream) Allow(versions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load.Versions = versions
}

func (s *Stream) allowed(version string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.load.Versions) == 0 || slices.Contains(s.load.Versions, version)
}

// take returns an idle connection of which the server has not been heard to close
// it, or a new one.
func (s *Stream) take(fresh bool) (*conn, error) {
	for !fresh {
		s.mu.Lock()
		n := len(s.idle)
		if n == 0 {
			s.mu.Unlock()
			break
		}
		c := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		if time.Since(c.since) < idleLimit && !c.ended() {
			return c, nil
		}
		c.close()
	}
	n, err := net.DialTimeout("tcp", s.load.Addr, requestDeadline)
	if err != nil {
		return nil, err
	}
	return newConn(n), nil
}

func (s *Stream) give(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.since = time.Now()
	s.idle = append(s.idle, c)
}

func (s *Stream) hangUp() {
	for _, c := range s.idle {
		c.close()
	}
	s.idle = nil
}

func (s *Stream) lost(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Sent++
	s.report.Lost = append(s.report.Lost, Loss{At: time.Now(), Err: err})
}
