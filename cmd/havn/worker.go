package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/snapshot"
	"havn.internal/spec"
)

// A worker is `havn apply` as others see it who look at the host meanwhile.
type worker struct {
	*host
	*desires
	machine *machine
	site    spec.Site
}

// whileWorking answers those who look until the work has ended.
func whileWorking(ctx context.Context, w *worker, log *slog.Logger, work func() error) error {
	ctx, stop := context.WithCancel(ctx)
	busy := fmt.Sprintf("`havn apply` is at work here (pid %d); try again when it has ended", os.Getpid())
	served := make(chan error, 1)
	go func() { served <- console.ServeLooks(ctx, w.machine.state, w, busy, log) }()
	err := work()
	stop()
	return errors.Join(err, <-served)
}

// Status implements [console.Looks].
func (w *worker) Status(ctx context.Context) console.Status {
	o := w.Last()
	if o.At.IsZero() {
		o = w.Look(ctx, w.site)
	}
	s := w.describe(ctx, w.machine, w.site, o)
	s.Running, s.Pid, s.Applying = true, os.Getpid(), true
	s.Revision.Attempted, s.Revision.LastGood, s.Source, s.Standing = w.site.Revision, w.journal.Good(), w.machine.sourceBefore(), w.Standing()
	return s
}

// Forecast implements [console.Looks].
func (w *worker) Forecast(ctx context.Context, ask console.Question) (model.Road, error) {
	road, err := w.forecast(ctx, ask)
	if err == nil {
		road.On(w.machine.told(), ask.Told)
	}
	return road, err
}

// Proposed implements [console.Looks].
func (w *worker) Proposed(ctx context.Context, words []string) (console.Proposal, error) {
	return w.proposed(ctx, w.desires, words)
}

// Snapshot implements [console.Looks].
func (w *worker) Snapshot(ctx context.Context) (snapshot.Snapshot, error) {
	return w.snapshot(ctx, w.machine, w.site)
}

// History implements [console.Looks].
func (w *worker) History(service string, limit int) ([]journal.Event, error) {
	return w.journal.Events(service, limit)
}
