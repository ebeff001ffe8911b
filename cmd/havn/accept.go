package main

import (
	"context"

	"github.com/spf13/cobra"

	"havn.internal/reconciler/console"
)

func newAccept() *cobra.Command {
	return commitCommand("accept REVISION", "Let a held revision pass",
		`Let a revision pass that is held because it does not descend from the accepted one,
because what was followed is gone, or because new revisions are frozen now. A signature
that --trust asks for is still asked for.`,
		func(ctx context.Context, client *console.Client, revision string) (string, error) {
			return "accepted " + revision, client.Accept(ctx, revision)
		})
}

func newTrust() *cobra.Command {
	c := &cobra.Command{Use: "trust", Short: "Explain whom this host takes commits from"}
	subcommands(c)
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
	return m.onHost(c, func(c *cobra.Command, given []string) error {
		client, err := console.Dial(c.Context(), m.state)
		if err != nil {
			return err
		}
		return say(c)(ask(c.Context(), client, given[0]))
	})
}
