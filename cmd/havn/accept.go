package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"havn.internal/reconciler/console"
)

func newAccept() *cobra.Command {
	return commitCommand("accept COMMIT", "Let a held commit pass",
		`Let a commit pass that is held because it does not descend from the accepted one, or
because what was followed is gone. A signature that --trust asks for is still asked for.`,
		func(ctx context.Context, client *console.Client, commit string) (string, error) {
			return "accepted " + commit, client.Accept(ctx, commit)
		})
}

func newTrust() *cobra.Command {
	c := &cobra.Command{Use: "trust", Short: "Explain whom this host takes commits from"}
	c.AddCommand(commitCommand("show COMMIT", "Explain the verdict on a commit", "",
		func(ctx context.Context, client *console.Client, commit string) (string, error) {
			return client.Explain(ctx, commit)
		}))
	return c
}

// commitCommand asks the running havn something about a commit.
func commitCommand(use, short, long string, ask func(context.Context, *console.Client, string) (string, error)) *cobra.Command {
	m := &machine{}
	c := &cobra.Command{Use: use, Short: short, Long: long, Args: args(cobra.ExactArgs(1))}
	m.flags(c.Flags())
	c.RunE = func(c *cobra.Command, given []string) error {
		if err := m.completeFrom(c.Flags()); err != nil {
			return usage(c, err)
		}
		client, err := console.Dial(c.Context(), m.state)
		if err != nil {
			return err
		}
		text, err := ask(c.Context(), client, given[0])
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), text)
		return err
	}
	return c
}
