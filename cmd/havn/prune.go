package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"havn.internal/reconciler/console"
)

func newPrune() *cobra.Command {
	m := &machine{}
	c := &cobra.Command{
		Use:   "prune",
		Short: "Agree to the removals of the wanted revision that havn holds back",
		Long: `Agree to the removals of the wanted revision that havn holds back because they are
more than it does unasked. The agreement is for this revision only. Volumes are never
removed. Where no havn runs, ` + "`havn apply --prune`" + ` does the same.`,
		Args: args(cobra.NoArgs),
	}
	return m.onHost(c, func(c *cobra.Command, _ []string) error {
		client, err := console.Dial(c.Context(), m.state)
		if errors.Is(err, console.ErrNotRunning) {
			return fmt.Errorf("%w; `havn apply --prune DIR` agrees for one apply", err)
		}
		if err != nil {
			return err
		}
		revision, err := client.AllowPrune(c.Context())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), "agreed to the removals of", orNone(revision))
		return err
	})
}
