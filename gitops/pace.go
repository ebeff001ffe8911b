package gitops

import (
	"context"
	"math/rand/v2"
	"time"
)

// Bounds of the pace at which a remote is asked.
const (
	firstRetry = 5 * time.Second
	slowest    = 5 * time.Minute
	// usualSpacing is kept also when every webhook of a forge comes at once.
	usualSpacing = time.Second
)

// pause is the time until the remote is asked again: the interval, or after
// failures a backoff up to five minutes; give or take a tenth, so that hosts do not
// ask in step.
func pause(interval time.Duration, failures int) time.Duration {
	d := interval
	if failures > 0 {
		d = min(firstRetry<<min(failures-1, 10), max(slowest, interval))
	}
	return d - d/10 + rand.N(d/5+1)
}

// A bell wakes the loop; ringing it many times is ringing it once.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

// A pace is how often a remote is asked.
type pace struct {
	interval, spacing time.Duration
	bell              bell
	planned           func(time.Time)
}

// run calls poll until ctx ends: at once, then after each pause, and when the bell
// rings.
func (p pace) run(ctx context.Context, poll func(context.Context) error) error {
	failures := 0
	for ctx.Err() == nil {
		failures++
		if poll(ctx) == nil {
			failures = 0
		}
		wait := pause(p.interval, failures)
		p.planned(time.Now().Add(wait))
		least, next := time.NewTimer(p.spacing), time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-least.C:
			select {
			case <-ctx.Done():
			case <-next.C:
			case <-p.bell:
			}
		}
		least.Stop()
		next.Stop()
	}
	return ctx.Err()
}
