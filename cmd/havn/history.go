package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
)

func newHistory() *cobra.Command {
	m := &machine{}
	var asJSON bool
	var limit int
	c := &cobra.Command{
		Use:   "history [SERVICE]",
		Short: "Show what havn did: when, because of which revision, and why",
		Example: `  havn history
  havn history web -n 200`,
		Args: args(cobra.MaximumNArgs(1)),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().IntVarP(&limit, "last", "n", 50, "show the newest `N` acts")
	return m.onHost(c, func(c *cobra.Command, given []string) error {
		service := ""
		if len(given) > 0 {
			service = given[0]
		}
		events, err := lookDisk(c.Context(), m,
			func(client *console.Client) ([]journal.Event, error) {
				return client.History(c.Context(), service, limit)
			},
			func(j *journal.Journal, _ *slog.Logger) ([]journal.Event, error) { return j.Events(service, limit) })
		switch {
		case err != nil:
			return err
		case asJSON:
			return printJSON(c.OutOrStdout(), append([]journal.Event{}, events...))
		case len(events) == 0:
			fmt.Fprintln(c.ErrOrStderr(), "nothing is remembered"+of(service))
			return nil
		}
		return printHistory(c.OutOrStdout(), events)
	})
}

func of(service string) string {
	if service == "" {
		return ""
	}
	return " of service " + service
}

func printHistory(w io.Writer, events []journal.Event) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, e := range events {
		outcome := inParts(e)
		if e.Err != "" {
			outcome += "  FAILED: " + strings.ReplaceAll(e.Err, "\n", "; ")
		}
		revision := short(e.Revision)
		act := e.Act
		if e.Revision != "" {
			act = strings.ReplaceAll(act, e.Revision, revision)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s%s\n", e.At.Format(time.DateTime), revision, e.Service, act, e.Why, outcome)
	}
	return t.Flush()
}

// short is a revision as people tell them apart.
func short(revision string) string {
	if source, pinned, is := strings.Cut(revision, "+"); is {
		return short(source) + "+" + pinned
	}
	kind, hash, content := strings.Cut(revision, ":")
	if !content {
		return fmt.Sprintf("%.12s", revision)
	}
	return fmt.Sprintf("%s:%.12s", kind, hash)
}

// inParts is what the parts of an act took.
func inParts(e journal.Event) string {
	if len(e.Parts) == 0 {
		return ""
	}
	var parts []string
	for _, p := range e.Parts {
		parts = append(parts, fmt.Sprintf("%s %s", p.Name, p.Took.Round(time.Millisecond)))
	}
	return fmt.Sprintf("  in %s: %s", e.Took.Round(time.Millisecond), strings.Join(parts, ", "))
}
