package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"havn.internal/spec"
)

func newCheck() *cobra.Command {
	var asJSON bool
	var as identity
	var hostFile string
	c := &cobra.Command{
		Use:   "check [DIR | DIR/...] [--host FILE]",
		Short: "Check a directory of specs, or a host file: every mistake at once, with file:line:col",
		Long: `Check a directory of specs, or a host file: every mistake at once, with file:line:col.

A directory is checked as a whole, for all hosts; with --name, --label or a host file
also as the part of that host. DIR/... checks every site in DIR and below, as CI of a
repository for many hosts does. Of a host file the files that it names are checked, too.`,
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
		sites, err := checkSites(c.Context(), given[0], host)
		if err != nil {
			return err
		}
		return printChecked(c, given[0], sites, asJSON)
	}
	return c
}

func printChecked(c *cobra.Command, given string, sites []checkedSite, asJSON bool) error {
	dir, all := strings.CutSuffix(given, every)
	problems, notes := allProblems(sites), checkNotes(dir)
	if asJSON {
		report := checked{len(problems) == 0, append(spec.Problems{}, problems...), append([]string{}, notes...)}
		if err := printJSON(c.OutOrStdout(), report); err != nil {
			return err
		}
		if len(problems) > 0 {
			return &exitError{code: exitFailed}
		}
		return nil
	}
	for _, note := range notes {
		fmt.Fprintln(c.ErrOrStderr(), "note: "+note)
	}
	if len(problems) > 0 {
		return &exitError{exitFailed, problems}
	}
	for _, s := range sites {
		name := ""
		if all {
			name = s.dir + ": "
		}
		fmt.Fprintf(c.OutOrStdout(), "%sok: %s, %s, %s\n", name, spec.Count(len(s.site.Services), "service"), spec.Count(len(s.site.Routes), "route"), spec.Count(len(s.site.Volumes), "volume"))
	}
	return nil
}

// checked is what `check --json` prints.
type checked struct {
	OK       bool          `json:"ok"`
	Problems spec.Problems `json:"problems"`
	// Notes are what keeps the stock cue from finding the same.
	Notes []string `json:"notes"`
}
