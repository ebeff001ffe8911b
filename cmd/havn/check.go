package main

import (
	"context"
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
repository for many hosts does. Of a host file the files that it names are checked, too,
and of a directory beside it what that machine does not allow: capabilities, published
ports, mounts, limits.`,
		Example: `  havn check mysite
  havn check ./...                        # every site here and below
  havn check --host /etc/havn/host.cue    # what this machine follows
  havn check mysite --host host.cue       # and what it refuses of a site`,
		Args: args(cobra.MaximumNArgs(1)), ValidArgsFunction: directory,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringVar(&hostFile, "host", "", "check this host `FILE`, and the files of this machine that it names")
	as.flags(c.Flags(), "all hosts at once")
	c.RunE = func(c *cobra.Command, given []string) error {
		if hostFile == "" && len(given) == 0 {
			return usage(c, errors.New("want a directory of specs, or --host and a host file"))
		}
		r := &report{}
		if hostFile != "" {
			if err := r.host(hostFile, &as); err != nil {
				return err
			}
		}
		if len(given) > 0 {
			host, err := as.asked()
			if err != nil {
				return usage(c, err)
			}
			if err := r.sites(c.Context(), given[0], host); err != nil {
				return err
			}
		}
		return r.print(c, asJSON)
	}
	return c
}

// A report is what check found. It is also what --json prints.
type report struct {
	OK       bool          `json:"ok"`
	Problems spec.Problems `json:"problems"`
	// Notes are what keeps the stock cue from finding the same.
	Notes []string `json:"notes"`
	// fine are the host file and the sites without a problem, a line each.
	fine []string
	// policy is that of the machine of the host file, nil without one.
	policy *spec.Policy
}

// host adds what is wrong with a host file. The host is the one of the file if none was
// named; of a file with mistakes it is not known.
func (r *report) host(file string, as *identity) error {
	problems, m, err := checkHost(file)
	if err != nil {
		return err
	}
	r.Problems = append(r.Problems, problems...)
	if len(problems) > 0 {
		return nil
	}
	r.fine = append(r.fine, "ok: "+file)
	if as.name == "" && len(as.labels) == 0 {
		*as = m.self
	}
	policy := m.policy()
	r.policy = &policy
	return nil
}

// sites adds what is wrong with a directory, or with every site below it, as a whole and
// as the part of a host if one is given.
func (r *report) sites(ctx context.Context, given string, host *spec.Host) error {
	sites, err := checkSites(ctx, given, host, r.policy)
	if err != nil {
		return err
	}
	dir, all := strings.CutSuffix(given, every)
	problems := allProblems(sites)
	r.Problems, r.Notes = append(r.Problems, problems...), checkNotes(dir)
	if len(problems) > 0 {
		return nil
	}
	for _, s := range sites {
		name := ""
		if all {
			name = s.dir + ": "
		}
		r.fine = append(r.fine, fmt.Sprintf("%sok: %s, %s, %s", name, spec.Count(len(s.site.Services), "service"), spec.Count(len(s.site.Routes), "route"), spec.Count(len(s.site.Volumes), "volume")))
	}
	return nil
}

func (r *report) print(c *cobra.Command, asJSON bool) error {
	failed := len(r.Problems) > 0
	if asJSON {
		r.OK, r.Problems, r.Notes = !failed, append(spec.Problems{}, r.Problems...), append([]string{}, r.Notes...)
		if err := printJSON(c.OutOrStdout(), r); err != nil {
			return err
		}
		if failed {
			return &exitError{code: exitFailed}
		}
		return nil
	}
	for _, note := range r.Notes {
		fmt.Fprintln(c.ErrOrStderr(), "note: "+note)
	}
	for _, line := range r.fine {
		fmt.Fprintln(c.OutOrStdout(), line)
	}
	if failed {
		return &exitError{exitFailed, r.Problems}
	}
	return nil
}
