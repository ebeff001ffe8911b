package main

import (
	"context"
	"errors"

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

// ask asks the havn that runs or, if none does, what is on disk.
func ask[T any](ctx context.Context, m *machine, running func(*console.Client) (T, error), alone func(*journal.Journal) (T, error)) (T, error) {
	var none T
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
	j, err := journal.Open(m.state, log)
	if err != nil {
		return none, err
	}
	out, err := alone(j)
	return out, errors.Join(err, j.Close())
}

// atDesk is ask for what goes over a desk.
func atDesk[T any](ctx context.Context, m *machine, running func(*console.Client) (T, error), alone func(*desk) (T, error)) (T, error) {
	return ask(ctx, m, running, func(j *journal.Journal) (T, error) {
		log, err := m.log.logger()
		if err != nil {
			var none T
			return none, err
		}
		return alone(m.desk(j, log))
	})
}

// look asks the havn that runs or, if none does, looks at the host. prune agrees to
// more removals than havn does unasked.
func look[T any](ctx context.Context, m *machine, prune bool, running func(*console.Client) (T, error), alone func(*host) (T, error)) (answer T, err error) {
	client, err := console.Dial(ctx, m.state)
	if err == nil {
		return running(client)
	}
	if !errors.Is(err, console.ErrNotRunning) {
		return answer, err
	}
	log, err := m.log.logger()
	if err != nil {
		return answer, err
	}
	h, err := m.open(ctx, log, prune)
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	return alone(h)
}
