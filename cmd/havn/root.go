package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"havn.internal/spec"
)

const long = `havn makes this machine as a directory of CUE says, and keeps it so: it starts,
replaces and removes containers, routes requests to them with nginx, and rolls from one
release to the next without a lost request.

Exit codes: 0 done or nothing to do; 1 failed; 2 the command line is wrong, or there are
changes (plan, diff).`

const examples = `  havn init mysite            # a spec repository with one service that runs
  havn check mysite           # every mistake, with file:line:col
  havn plan mysite            # what would change here, and why
  havn run --spec mysite      # stay: watch the directory, converge, heal`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use: "havn", Short: "Run services on your own machine, described in CUE", Long: long,
		Example: examples, Version: version(), SilenceErrors: true, SilenceUsage: true,
	}
	subcommands(root)
	cobra.EnableCommandSorting = false
	root.SuggestionsMinimumDistance = 2
	root.SetVersionTemplate("havn {{.Version}}\n")
	root.SetUsageFunc(printUsage)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, plainFlag(err)) })
	root.AddGroup(groups...)
	grouped(root, groupSpec, newInit(), newCheck(), newRender())
	grouped(root, groupHost, newPlan(), newApply(), newRun(), newStatus(), newLogs(), newHistory(), newRevisions(), newRetry(), newPrune(), newDown())
	grouped(root, groupHold, newRollback(), newUnpin(), newDiff(), newFreeze(), newThaw(), newAccept(), newTrust())
	grouped(root, groupOther, newNotify(), newVersion())
	root.SetHelpCommand(newHelp())
	root.SetCompletionCommandGroupID(groupOther)
	return root
}

// subcommands makes a command one that only has others: alone it shows its help.
func subcommands(c *cobra.Command) {
	c.Args = noCommand
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
}

// noCommand is reached only by a word that is no command of c.
func noCommand(c *cobra.Command, given []string) error {
	if len(given) == 0 {
		return nil
	}
	hint := ""
	if same := elsewhere[given[0]]; same != "" {
		hint = fmt.Sprintf("; did you mean %q?", same)
	} else if near := c.SuggestionsFor(given[0]); len(near) > 0 {
		hint = fmt.Sprintf("; did you mean %q?", near[0])
	}
	return usage(c, fmt.Errorf("there is no command %q%s", given[0], hint))
}

// elsewhere are commands by the names that they have in other tools.
var elsewhere = map[string]string{
	"pause": "freeze", "hold": "freeze", "lock": "freeze", "resume": "thaw", "unpause": "thaw", "unfreeze": "thaw", "unlock": "thaw",
	"up": "apply", "deploy": "apply", "start": "apply", "sync": "apply", "reconcile": "apply", "daemon": "run", "serve": "run", "agent": "run",
	"ps": "status", "ls": "status", "list": "status", "show": "status", "get": "status", "describe": "status", "why": "status", "top": "status",
	"stop": "down", "destroy": "down", "delete": "down", "remove": "down", "rm": "down", "uninstall": "down", "validate": "check", "lint": "check", "vet": "check",
	"log": "logs", "events": "history", "undo": "rollback", "revert": "rollback", "pin": "rollback", "gc": "prune", "clean": "prune", "cleanup": "prune",
	"template": "render", "export": "render", "new": "init", "create": "init", "unhold": "accept", "approve": "accept",
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
		if check(c, given) == nil {
			return nil
		}
		_, words, _ := strings.Cut(c.Use, " ")
		return usage(c, fmt.Errorf("%s given, want `%s`", spec.Count(len(given), "argument"), strings.TrimSpace(c.CommandPath()+" "+words)))
	}
}

// wanted is what a flag's value has to be, by its type, where pflag would show how Go
// reads it.
var wanted = map[string]string{
	"bool": "true or false", "duration": "a time with its unit, such as 90s or 5m", "int": "a whole number", "stringToString": "KEY=VALUE",
}

// plainFlag says of a flag's value what it has to be.
func plainFlag(err error) error {
	var wrong *pflag.InvalidValueError
	if !errors.As(err, &wrong) {
		return err
	}
	if want := wanted[wrong.GetFlag().Value.Type()]; want != "" {
		return fmt.Errorf("--%s %q: want %s", wrong.GetFlag().Name, wrong.GetValue(), want)
	}
	return err
}

// printJSON prints v, indented and with a line end.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
