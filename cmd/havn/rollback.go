package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"havn.internal/reconciler/console"
)

func newRollback() *cobra.Command {
	m := &machine{}
	var why string
	var yes, dry bool
	c := &cobra.Command{
		Use:   "rollback [SERVICE] [REVISION]",
		Short: "Go back to an earlier revision at once, and stay there",
		Long: `Go back to an earlier revision at once, and stay there until ` + "`havn unpin`" + `.

Without a revision it is the last one before this that was reached in full; for a
service the last one in which that was another, and good. A revision is named by its
first digits, 7 or more. Only the service that is named goes back; all others go on
following the source. New revisions are still fetched, judged and checked, and wait.
It goes the way every rollout does, and runs the images of then.

What it changes is shown first. Where that is an outage, a person at a terminal is asked.`,
		Example: `  havn rollback --why "errors since 14:00"   # to the last revision reached in full
  havn rollback web                          # only that service
  havn rollback web 1f3c2a9`,
		Args: args(cobra.MaximumNArgs(2)),
	}
	whyFlag(c.Flags(), &why)
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&dry, "dry-run", false, "only show what it would change")
	return m.onHost(c, func(c *cobra.Command, given []string) error {
		p, err := m.proposed(c.Context(), given)
		if err != nil {
			return err
		}
		if p.Already != "" {
			return say(c)(p.Already, nil)
		}
		if printProposal(c.OutOrStdout(), p); dry {
			return nil
		}
		if err := agreed(c, p, yes); err != nil {
			return err
		}
		return say(c)(askDesires(c.Context(), m,
			func(client *console.Client) (string, error) {
				return client.Rollback(c.Context(), why, given, p.Revision)
			},
			func(d *desires) (string, error) { return d.Rollback(c.Context(), me(why), given, p.Revision) }))
	})
}

// proposed asks the havn that runs what a rollback would do, or looks at the host if none
// does.
func (m *machine) proposed(ctx context.Context, words []string) (console.Proposal, error) {
	return lookHost(ctx, m, false,
		func(client *console.Client) (console.Proposal, error) { return client.Proposed(ctx, words) },
		func(h *host) (console.Proposal, error) {
			if err := h.known(ctx, m); err != nil {
				return console.Proposal{}, err
			}
			return h.proposed(ctx, m.desires(h.journal, h.log), words)
		})
}

func newUnpin() *cobra.Command {
	m := &machine{}
	var why string
	c := &cobra.Command{
		Use:   "unpin [SERVICE]",
		Short: "Go on with the source after a rollback, or after an apply by hand",
		Long: `Go on with the source after a rollback, or after an apply by hand. With a service, only
that one; otherwise all that is pinned.`,
		Args: args(cobra.MaximumNArgs(1)),
	}
	whyFlag(c.Flags(), &why)
	return m.onHost(c, func(c *cobra.Command, given []string) error {
		service := ""
		if len(given) > 0 {
			service = given[0]
		}
		return say(c)(askDesires(c.Context(), m,
			func(client *console.Client) (string, error) { return client.Unpin(c.Context(), why, service) },
			func(d *desires) (string, error) { return d.Unpin(me(why), service) }))
	})
}

func whyFlag(f *pflag.FlagSet, why *string) {
	f.StringVar(why, "why", "", "the reason, a `TEXT` for status and history")
}

// say prints what was answered.
func say(c *cobra.Command) func(string, error) error {
	return func(text string, err error) error {
		if err == nil {
			_, err = fmt.Fprintln(c.OutOrStdout(), text)
		}
		return err
	}
}
