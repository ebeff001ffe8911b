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
	var hostFile string
	c := &cobra.Command{
		Use:   "check [DIR] [--host FILE]",
		Short: "Check a directory of specs, or a host file: every mistake at once, with file:line:col",
		Long: `Check a directory of specs, or a host file: every mistake at once, with file:line:col.

A directory is checked as a whole, for all hosts; with --name, --label or a host file
also as the part of that host. Of a host file the files that it names are checked, too.`,
		Args: args(cobra.MaximumNArgs(1)),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringVar(&hostFile, "host", "", "check this host file, and the files of this machine that it names")
	as.flags(c.Flags(), "all hosts at once")
	c.RunE = func(c *cobra.Command, given []string) error {
		if hostFile == "" && len(given) == 0 {
			return usage(c, errors.New("want a directory of specs, or --host and a host file"))
		}
		if hostFile != "" {
			if err := printHostCheck(c, hostFile, &as, asJSON && len(given) == 0); err != nil || len(given) == 0 {
				return err
			}
		}
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
