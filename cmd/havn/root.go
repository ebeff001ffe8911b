package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"havn.internal/spec"
)

const long = `havn converges this machine to a site described in CUE: it starts, replaces
and removes containers, routes requests to them with nginx, and rolls from one
release to the next without a lost request.

Exit codes: 0 done or nothing to do; 1 failed; 2 changes are pending (plan), or
the command line is wrong.`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use: "havn", Short: "Run services on your own machine, described in CUE", Long: long,
		SilenceErrors: true, SilenceUsage: true,
		Args: args(noCommand),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, err) })
	root.AddCommand(newInit(), newCheck(), newRender(), newPlan(), newApply(), newRun(), newStatus(), newLogs(), newHistory(), newRetry(), newRollback(), newUnpin(), newDiff(), newFreeze(), newThaw(), newPrune(), newAccept(), newTrust(), newNotify(), newDown(), newVersion())
	return root
}

// noCommand is reached only by a first word that is no command.
func noCommand(c *cobra.Command, given []string) error {
	if len(given) == 0 {
		return nil
	}
	hint := ""
	if near := c.SuggestionsFor(given[0]); len(near) > 0 {
		hint = fmt.Sprintf(", did you mean %q?", near[0])
	}
	return fmt.Errorf("there is no command %q%s", given[0], hint)
}

// usage is an error in the command line itself.
// Problems of a file stand for themselves.
func usage(c *cobra.Command, err error) error {
	var problems spec.Problems
	if errors.As(err, &problems) {
		return &exitError{exitFailed, problems}
	}
	return &exitError{exitPending, &usageError{c.CommandPath(), err}}
}

type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string {
	return e.command + ": " + e.err.Error() + "; see `" + e.command + " --help`"
}

// args checks positional arguments, as an error of usage.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if err := check(c, given); err != nil {
			return usage(c, err)
		}
		return nil
	}
}

// printJSON prints v, indented and with a line end.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
