package main

import (
	"github.com/spf13/cobra"

	"havn.internal/spec"
)

func newRender() *cobra.Command {
	var as identity
	c := &cobra.Command{
		Use:   "render DIR",
		Short: "Print the resolved site, or one host's part of it, as canonical JSON",
		Example: `  havn render mysite
  havn render mysite --name web-1   # what that host gets`,
		Args: args(cobra.ExactArgs(1)), ValidArgsFunction: directory,
	}
	as.flags(c.Flags(), "the whole site, for all hosts")
	c.RunE = func(c *cobra.Command, given []string) error {
		host, err := as.asked()
		if err != nil {
			return usage(c, err)
		}
		site, err := spec.LoadFor(c.Context(), given[0], host)
		if err != nil {
			return failedSpec(err)
		}
		return printJSON(c.OutOrStdout(), site)
	}
	return c
}
