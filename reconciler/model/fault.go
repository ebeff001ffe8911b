package model

import (
	"context"
	"time"
)

// A Call is one call of havn's to Docker, nginx or the journal.
type Call struct {
	// N counts the calls from 1.
	N int
	// Op is the method's name, Key the object, as [plan.Action.Key].
	Op, Key string
}

// A Fault is what goes wrong with a call.
type Fault struct {
	// Delay comes before the effect.
	Delay time.Duration
	// Err is returned; without an effect, or after it if the reply is Lost.
	Err  error
	Lost bool
	// Crash ends havn in the call.
	Crash Crash
}

// Crash says when in a call havn ends.
type Crash int

const (
	NoCrash     Crash = iota
	CrashBefore       // the request has not been sent
	CrashMid          // the request is sent; the host goes on with it alone
	CrashAfter        // the effect is there; havn never heard
)

// call makes one call: begin is the request, end what happens when it is over.
// What the host does by itself in between, begin has scheduled.
func (h *Host) call(ctx context.Context, op, key string, begin func(now time.Time) (time.Duration, error), end func(now time.Time) error) error {
	h.mu.Lock()
	h.calls++
	var f Fault
	if h.Faults != nil {
		f = h.Faults(Call{h.calls, op, key})
	}
	h.mu.Unlock()
	if f.Crash == CrashBefore {
		return h.die(ctx)
	}
	if f.Delay > 0 {
		if err := h.clock.Sleep(ctx, f.Delay); err != nil {
			return err
		}
	}
	if f.Err != nil && !f.Lost {
		return f.Err
	}
	took, err := h.begin(op, begin)
	if err != nil {
		return err
	}
	if f.Crash == CrashMid {
		return h.die(ctx)
	}
	if err := h.clock.Sleep(ctx, took); err != nil {
		return err
	}
	err = h.end(end)
	switch {
	case f.Crash == CrashAfter:
		return h.die(ctx)
	case f.Err != nil:
		return f.Err
	}
	return err
}

func (h *Host) begin(op string, begin func(time.Time) (time.Duration, error)) (time.Duration, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.settle()
	if h.down(now) && op != "journal" && op != "routes" {
		return 0, errDown
	}
	return begin(now)
}

func (h *Host) end(end func(time.Time) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.settle()
	if end == nil {
		return nil
	}
	return end(now)
}

// die marks havn as ended; whoever runs it kills what it had in flight.
func (h *Host) die(ctx context.Context) error {
	h.mu.Lock()
	h.crashed = true
	h.mu.Unlock()
	if t, ok := h.clock.(*Timeline); ok && t.current == nil {
		return context.Canceled
	}
	const forEver = 1000 * time.Hour
	if err := h.clock.Sleep(ctx, forEver); err != nil {
		return err
	}
	return context.Canceled
}

// Crashed reports whether a fault ended havn since the last [Host.Restarted].
func (h *Host) Crashed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.crashed
}

// Restarted forgets what havn holds in memory only.
func (h *Host) Restarted() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.settle()
	h.crashed = false
	h.watched = map[string]watch{}
	h.nginx.forget(now)
}
