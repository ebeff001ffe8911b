package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
)

// onHost completes a command that works on the host of the last run or apply.
func (m *machine) onHost(c *cobra.Command, run func(c *cobra.Command, given []string) error) *cobra.Command {
	m.flags(c.Flags())
	onlyAtHand(c)
	c.ValidArgsFunction = cobra.NoFileCompletions
	c.RunE = func(c *cobra.Command, given []string) error {
		if err := m.completeFrom(c.Flags(), recalled...); err != nil {
			return usage(c, err)
		}
		return run(c, given)
	}
	return c
}

// ask asks the havn that runs or, if none does, goes alone.
func ask[T any](ctx context.Context, m *machine, running func(*console.Client) (T, error), alone func(*slog.Logger) (T, error)) (none T, err error) {
	client, err := console.Dial(ctx, m.state)
	if err == nil {
		return running(client)
	}
	if !errors.Is(err, console.ErrNotRunning) {
		return none, err
	}
	log, err := m.log.logger()
	if err != nil {
		return none, err
	}
	return alone(log)
}

// askDisk asks the havn that runs or, if none does, its journal.
func askDisk[T any](ctx context.Context, m *machine, running func(*console.Client) (T, error), alone func(*journal.Journal, *slog.Logger) (T, error)) (T, error) {
	return ask(ctx, m, running, func(log *slog.Logger) (answer T, err error) {
		j, err := journal.Open(m.state, log)
		if err != nil {
			return answer, err
		}
		defer func() { err = errors.Join(err, j.Close()) }()
		return alone(j, log)
	})
}

// askDesires is askDisk for what people want.
func askDesires[T any](ctx context.Context, m *machine, running func(*console.Client) (T, error), alone func(*desires) (T, error)) (T, error) {
	return askDisk(ctx, m, running, func(j *journal.Journal, log *slog.Logger) (T, error) { return alone(m.desires(j, log)) })
}

// askHost asks the havn that runs or, if none does, looks at the host. prune agrees to
// more removals than havn does unasked.
func askHost[T any](ctx context.Context, m *machine, prune bool, running func(*console.Client) (T, error), alone func(*host) (T, error)) (T, error) {
	return ask(ctx, m, running, func(log *slog.Logger) (answer T, err error) {
		h, err := m.open(ctx, log, prune)
		if err != nil {
			return answer, err
		}
		defer func() { err = errors.Join(err, h.close()) }()
		return alone(h)
	})
}
