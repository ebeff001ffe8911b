package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"havn.internal/gitops/hold"
	"havn.internal/reconciler/console"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
)

// difference is what `havn diff --json` prints.
type difference struct {
	From    string         `json:"from"`
	To      string         `json:"to"`
	Changes []model.Change `json:"changes"`
}

func newDiff() *cobra.Command {
	m := &machine{}
	var asJSON, values bool
	c := &cobra.Command{
		Use:   "diff REVISION [REVISION]",
		Short: "Show in what a revision differs from another, or from the wanted one",
		Long: `Show in what services, routes and volumes differ from one revision to another, or to
the wanted one: every field old and new. Values that may be secret (of the environment,
commands, files, labels and headers) are shown with --show-values only. A revision is
named by its first digits, 7 or more.

Exit codes: 0 they are equal; 2 they differ; 1 one of them is not known.`,
		Example: `  havn diff 1f3c2a9              # what is other than in the wanted one
  havn diff 1f3c2a9 84f2e1d`,
		Args: args(cobra.RangeArgs(1, 2)),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	valuesFlag(c.Flags(), &values)
	return m.onHost(c, func(c *cobra.Command, given []string) error {
		from, err := m.known(c.Context(), given[0])
		if err != nil {
			return err
		}
		other := ""
		if len(given) > 1 {
			other = given[1]
		}
		to, err := m.known(c.Context(), other)
		if err != nil {
			return err
		}
		d := difference{from.Revision, to.Revision, model.Between(from.Site, to.Site, from.Images, to.Images, plan.Values(values))}
		explainFiles(d.Changes, plan.Values(values), from.Site, to.Site)
		if asJSON {
			err = printJSON(c.OutOrStdout(), d)
		} else {
			err = printDifference(c.OutOrStdout(), d, values)
		}
		if err == nil && len(d.Changes) > 0 {
			return &exitError{code: exitPending}
		}
		return err
	})
}

func (m *machine) known(ctx context.Context, revision string) (hold.Known, error) {
	return lookDesires(ctx, m,
		func(client *console.Client) (hold.Known, error) { return client.Known(ctx, revision) },
		func(d *desires) (hold.Known, error) { return d.Known(ctx, revision) })
}

func printDifference(w io.Writer, d difference, values bool) error {
	var b strings.Builder
	if len(d.Changes) == 0 {
		fmt.Fprintf(&b, "%s and %s are equal\n", d.From, d.To)
	}
	for _, c := range d.Changes {
		fmt.Fprintf(&b, "%s %s %s\n", signOf(c), subject(c), c.Kind)
		printFields(&b, c)
	}
	if !values {
		hint(&b, d.Changes)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
