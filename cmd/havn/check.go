package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"havn.internal/spec"
)

func newCheck() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check DIR",
		Short: "Check a directory of specs: every mistake at once, with file:line:col",
		Args:  args(cobra.ExactArgs(1)),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, given []string) error {
		site, err := spec.Load(c.Context(), given[0])
		var problems spec.Problems
		if err != nil && !errors.As(err, &problems) {
			return err
		}
		if asJSON {
			if err := printJSON(c.OutOrStdout(), checked{len(problems) == 0, append(spec.Problems{}, problems...)}); err != nil {
				return err
			}
		}
		switch {
		case err != nil && asJSON:
			return &exitError{code: exitFailed}
		case err != nil:
			return &exitError{exitFailed, problems}
		case !asJSON:
			fmt.Fprintf(c.OutOrStdout(), "ok: %d services, %d routes, %d volumes\n", len(site.Services), len(site.Routes), len(site.Volumes))
		}
		return nil
	}
	return c
}

// checked is what `check --json` prints.
type checked struct {
	OK       bool          `json:"ok"`
	Problems spec.Problems `json:"problems"`
}
