package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"havn.internal/reconciler/console"
)

func newNotify() *cobra.Command {
	m := &machine{}
	test := &cobra.Command{
		Use:   "test",
		Short: "Send everybody who is notified a test message, and say who took it",
		Args:  args(cobra.NoArgs),
	}
	m.onHost(test, func(c *cobra.Command, _ []string) error {
		client, err := console.Dial(c.Context(), m.state)
		if err != nil {
			return err
		}
		tried, err := client.TryNotify(c.Context())
		if err != nil {
			return err
		}
		if len(tried) == 0 {
			return errors.New("nobody is notified; `havn run --notify` says who is")
		}
		failed := false
		for _, t := range tried {
			outcome := "taken"
			if t.Problem != "" {
				outcome, failed = t.Problem, true
			}
			if _, err := fmt.Fprintf(c.OutOrStdout(), "%s (%s): %s\n", t.Name, t.Kind, outcome); err != nil {
				return err
			}
		}
		if failed {
			return errors.New("not everybody took the message")
		}
		return nil
	})
	c := &cobra.Command{Use: "notify", Short: "Try out who is notified"}
	subcommands(c)
	c.AddCommand(test)
	return c
}

// TryNotify implements [console.Havn].
func (d *daemon) TryNotify(ctx context.Context) []console.Notify {
	out := []console.Notify{}
	for _, t := range d.news.notices.Try(ctx) {
		one := console.Notify{Name: t.Name, Kind: string(t.Kind)}
		if t.Err != nil {
			one.Problem = t.Err.Error()
		}
		out = append(out, one)
	}
	return out
}
