package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"havn.internal/reconciler/console"
	"havn.internal/spec"
)

// hand hands the site of a directory to the havn that runs, and waits until the host
// is as it says.
func (a *applying) hand(c *cobra.Command, client *console.Client, dir string) error {
	// What the running havn was told holds until it is started anew.
	other, err := a.machine.otherwise()
	if err != nil {
		return err
	}
	if other != "" {
		return usage(c, fmt.Errorf("the havn that runs here was told otherwise: %s; start it with these flags, or leave them out", other))
	}
	site, err := spec.LoadFor(c.Context(), dir, a.machine.self.host())
	if err != nil {
		return failedSpec(err)
	}
	if a.expect != "" {
		road, err := client.Forecast(c.Context(), console.Question{Site: site, Told: a.machine.told()})
		if err == nil {
			err = sameHash(road.Hash, a.expect)
		}
		if err != nil {
			return err
		}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	begin := time.Now()
	said, err := client.ByHand(c.Context(), a.why, console.Handed{Site: site, Dir: dir, Prune: a.prune})
	if err != nil {
		return err
	}
	fmt.Fprintln(c.OutOrStdout(), said)
	return a.await(c.Context(), client, site, begin, c.OutOrStdout())
}

// await waits for the running havn.
func (a *applying) await(ctx context.Context, client *console.Client, site spec.Site, begin time.Time, out io.Writer) error {
	waiting, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	settled, err := client.Settled(waiting, site.Revision)
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted; the running havn goes on")
	case waiting.Err() != nil:
		return fmt.Errorf("not done after %s; the running havn goes on", a.timeout)
	case err != nil:
		return err
	case settled.Problem == "":
		return converged(out, site, settled.Generation, begin)
	}
	if s, err := client.Status(ctx); err == nil {
		printTroubled(out, s.Services)
	}
	return errors.New(settled.Problem)
}
