package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

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

// exists says of a state directory that is not there that it is not: a command that works
// on the host of the last run or apply makes none.
func (m *machine) exists() error {
	if _, err := os.Stat(m.state); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no state directory %s: no `havn run` or `havn apply` has used it yet; --state names another one", m.state)
	}
	return nil
}

// lookTime is how long a command that only looks waits for a havn that is about to
// answer, or to end.
const lookTime = 5 * time.Second

const lookPause = 50 * time.Millisecond

// ask asks the havn that runs or, if none does, goes alone. Between two looks at the
// journal another havn may have begun: then that is asked.
func ask[T any](ctx context.Context, m *machine, running func(*console.Client) (T, error), alone func(*slog.Logger) (T, error)) (none T, err error) {
	log, err := m.log.logger()
	if err != nil {
		return none, err
	}
	for begin := time.Now(); ; {
		client, err := console.Dial(ctx, m.state)
		if err == nil {
			return running(client)
		}
		if !errors.Is(err, console.ErrNotRunning) {
			return none, err
		}
		answer, err := alone(log)
		if !errors.Is(err, journal.ErrLocked) || time.Since(begin) > lookTime {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return none, ctx.Err()
		case <-time.After(lookPause):
		}
	}
}

// lookDisk asks the havn that runs or, if none does, looks at its journal.
func lookDisk[T any](ctx context.Context, m *machine, running func(*console.Client) (T, error), alone func(*journal.Journal, *slog.Logger) (T, error)) (T, error) {
	return ask(ctx, m, running, func(log *slog.Logger) (answer T, err error) {
		if err := m.exists(); err != nil {
			return answer, err
		}
		j, err := journal.Look(m.state, log)
		if err != nil {
			return answer, err
		}
		return alone(j, log)
	})
}

// askDisk is lookDisk for what changes the journal.
func askDisk[T any](ctx context.Context, m *machine, running func(*console.Client) (T, error), alone func(*journal.Journal, *slog.Logger) (T, error)) (T, error) {
	return ask(ctx, m, running, func(log *slog.Logger) (answer T, err error) {
		if err := m.exists(); err != nil {
			return answer, err
		}
		j, err := journal.Open(m.state, log)
		if err != nil {
			return answer, err
		}
		defer func() { err = errors.Join(err, j.Close()) }()
		return alone(j, log)
	})
}

// askDesires is askDisk for what people want, lookDesires for what they wanted.
func askDesires[T any](ctx context.Context, m *machine, running func(*console.Client) (T, error), alone func(*desires) (T, error)) (T, error) {
	return askDisk(ctx, m, running, func(j *journal.Journal, log *slog.Logger) (T, error) { return alone(m.desires(j, log)) })
}

func lookDesires[T any](ctx context.Context, m *machine, running func(*console.Client) (T, error), alone func(*desires) (T, error)) (T, error) {
	return lookDisk(ctx, m, running, func(j *journal.Journal, log *slog.Logger) (T, error) { return alone(m.desires(j, log)) })
}

// lookHost asks the havn that runs or, if none does, looks at the host. prune agrees to
// more removals than havn does unasked.
func lookHost[T any](ctx context.Context, m *machine, prune bool, running func(*console.Client) (T, error), alone func(*host) (T, error)) (T, error) {
	return ask(ctx, m, running, func(log *slog.Logger) (answer T, err error) {
		h, err := m.look(ctx, log, prune)
		if err != nil {
			return answer, err
		}
		defer func() { err = errors.Join(err, h.close()) }()
		return alone(h)
	})
}
