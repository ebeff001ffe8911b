package model

import (
	"context"
	"iter"
	"time"
)

// A Clock is the time a [Host] lives in.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or with an error when ctx ends before.
	Sleep(ctx context.Context, d time.Duration) error
}

// Wall is the clock on the wall, or that of a synctest bubble.
type Wall struct{}

// Now implements [Clock].
func (Wall) Now() time.Time { return time.Now() }

// Sleep implements [Clock].
func (Wall) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A Timeline is virtual time. What is started with Go runs until it sleeps, and
// goes on when the time is moved past its end; one thing at a time, in a fixed
// order. A Timeline is for one goroutine.
type Timeline struct {
	now     time.Time
	tasks   []*task
	current *task
	seq     int
}

// A task is a coroutine that sleeps until wake.
type task struct {
	wake  time.Time
	seq   int
	next  func() (time.Time, bool)
	stop  func()
	yield func(time.Time) bool
}

// NewTimeline returns a Timeline that begins at start.
func NewTimeline(start time.Time) *Timeline { return &Timeline{now: start} }

// Now implements [Clock].
func (t *Timeline) Now() time.Time { return t.now }

// Sleep implements [Clock]. Outside of what Go started it moves the time.
func (t *Timeline) Sleep(ctx context.Context, d time.Duration) error {
	if t.current == nil {
		t.AdvanceTo(t.now.Add(d))
		return ctx.Err()
	}
	if !t.current.yield(t.now.Add(d)) {
		return context.Canceled
	}
	return ctx.Err()
}

// Go runs f until it first sleeps.
func (t *Timeline) Go(f func()) {
	t.seq++
	k := &task{wake: t.now, seq: t.seq}
	k.next, k.stop = iter.Pull(func(yield func(time.Time) bool) {
		k.yield = yield
		f()
	})
	t.tasks = append(t.tasks, k)
	t.resume(k)
}

func (t *Timeline) resume(k *task) {
	outer := t.current
	t.current = k
	wake, sleeps := k.next()
	t.current = outer
	if sleeps {
		k.wake = wake
		return
	}
	for i, other := range t.tasks {
		if other == k {
			t.tasks = append(t.tasks[:i], t.tasks[i+1:]...)
			return
		}
	}
}

// first is the task that wakes first, nil if there is none.
func (t *Timeline) first() *task {
	var first *task
	for _, k := range t.tasks {
		if first == nil || k.wake.Before(first.wake) || k.wake.Equal(first.wake) && k.seq < first.seq {
			first = k
		}
	}
	return first
}

// Next is when something that sleeps goes on, and whether anything does.
func (t *Timeline) Next() (time.Time, bool) {
	if k := t.first(); k != nil {
		return k.wake, true
	}
	return time.Time{}, false
}

// AdvanceTo moves the time, and runs what wakes until then.
func (t *Timeline) AdvanceTo(until time.Time) {
	for k := t.first(); k != nil && !k.wake.After(until); k = t.first() {
		if k.wake.After(t.now) {
			t.now = k.wake
		}
		t.resume(k)
	}
	if until.After(t.now) {
		t.now = until
	}
}

// Kill ends everything that sleeps: its Sleep returns an error.
func (t *Timeline) Kill() {
	tasks := t.tasks
	t.tasks = nil
	for _, k := range tasks {
		k.stop()
	}
}
