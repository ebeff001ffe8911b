package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"havn.internal/spec"
)

func newCheck() *cobra.Command {
	var asJSON bool
	var as identity
	c := &cobra.Command{
		Use:   "check DIR",
		Short: "Check a directory of specs: every mistake at once, with file:line:col",
		Long: `Check a directory of specs: every mistake at once, with file:line:col.

It is checked as a whole, for all hosts; with --name or --label also as the part of
that host.`,
		Args: args(cobra.ExactArgs(1)),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	as.flags(c.Flags(), "all hosts at once")
	c.RunE = func(c *cobra.Command, given []string) error {
		host, err := as.asked()
		if err != nil {
			return usage(c, err)
		}
		site, err := spec.Load(c.Context(), given[0])
		if err == nil && host != nil {
			site, err = spec.LoadFor(c.Context(), given[0], host)
		}
		var problems spec.Problems
		if err != nil && !errors.As(err, &problems) {
			return err
		}
		notes := checkNotes(given[0])
		if asJSON {
			report := checked{len(problems) == 0, append(spec.Problems{}, problems...), append([]string{}, notes...)}
			if err := printJSON(c.OutOrStdout(), report); err != nil {
				return err
			}
			notes = nil
		}
		for _, note := range notes {
			fmt.Fprintln(c.ErrOrStderr(), "note: "+note)
		}
		switch {
		case err != nil && asJSON:
			return &exitError{code: exitFailed}
		case err != nil:
			return &exitError{exitFailed, problems}
		case !asJSON:
			fmt.Fprintf(c.OutOrStdout(), "ok: %s, %s, %s\n", count(len(site.Services), "service"), count(len(site.Routes), "route"), count(len(site.Volumes), "volume"))
		}
		return nil
	}
	return c
}

// count writes a number of things: "1 service", "2 services".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// checked is what `check --json` prints.
type checked struct {
	OK       bool          `json:"ok"`
	Problems spec.Problems `json:"problems"`
	// Notes are what keeps the stock cue from finding the same.
	Notes []string `json:"notes"`
}
