package main

import (
	"errors"

	"github.com/spf13/cobra"

	"havn.internal/spec"
)

func newRender() *cobra.Command {
	return &cobra.Command{
		Use:   "render DIR",
		Short: "Print the resolved site as canonical JSON",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			site, err := spec.Load(c.Context(), given[0])
			var problems spec.Problems
			switch {
			case errors.As(err, &problems):
				return &exitError{exitFailed, problems}
			case err != nil:
				return err
			}
			return printJSON(c.OutOrStdout(), site)
		},
	}
}
