package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
)

func newRetry() *cobra.Command {
	m := &machine{}
	c := &cobra.Command{
		Use:   "retry [SERVICE]",
		Short: "Give condemned releases another try",
		Long: `Lift the verdicts on a service, on all services if none is named, and try again
at once what failed. A release that was condemned is otherwise not tried again until
its spec changes.`,
		Args: args(cobra.MaximumNArgs(1)),
	}
	m.flags(c.Flags())
	c.RunE = func(c *cobra.Command, given []string) error {
		if err := m.completeFrom(c.Flags()); err != nil {
			return usage(c, err)
		}
		service := ""
		if len(given) > 0 {
			service = given[0]
		}
		lifted, err := m.retry(c, service)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%d verdicts lifted\n", lifted)
		return err
	}
	return c
}

func (m *machine) retry(c *cobra.Command, service string) (int, error) {
	client, err := console.Dial(c.Context(), m.state)
	if err == nil {
		return client.Retry(c.Context(), service)
	}
	if !errors.Is(err, console.ErrNotRunning) {
		return 0, err
	}
	log, err := m.log.logger()
	if err != nil {
		return 0, err
	}
	j, err := journal.Open(m.state, log)
	if err != nil {
		return 0, err
	}
	return j.Clear(service), j.Close()
}
