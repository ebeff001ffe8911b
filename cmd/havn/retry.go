package main

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
	"havn.internal/spec"
)

func newRetry() *cobra.Command {
	m := &machine{}
	c := &cobra.Command{
		Use:   "retry [SERVICE]",
		Short: "Give condemned releases another try",
		Long: `Lift the verdicts on a service, on all services if none is named, and try again
at once what failed. A release that was condemned is otherwise not tried again until
its spec changes.`,
		Example: `  havn retry web`,
		Args:    args(cobra.MaximumNArgs(1)),
	}
	return m.onHost(c, func(c *cobra.Command, given []string) error {
		service := ""
		if len(given) > 0 {
			service = given[0]
		}
		lifted, err := askDisk(c.Context(), m,
			func(client *console.Client) (int, error) { return client.Retry(c.Context(), service) },
			func(j *journal.Journal, _ *slog.Logger) (int, error) { return j.Clear(service), nil })
		if err != nil {
			return err
		}
		what := spec.Count(lifted, "verdict") + " lifted"
		switch {
		case lifted == 0 && service != "":
			what = "no release of " + service + " is condemned"
		case lifted == 0:
			what = "no release is condemned"
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), what)
		return err
	})
}
