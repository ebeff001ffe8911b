package main

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A revisionLine is one revision, and what became of it.
type revisionLine struct {
	Revision string    `json:"revision"`
	At       time.Time `json:"at"`
	// Became is reached, failed, refused or taken.
	Became string `json:"became"`
	// Why is more of that.
	Why string `json:"why,omitempty"`
}

// mostActs is as far back as it is looked for revisions.
const mostActs = 10_000

func newRevisions() *cobra.Command {
	m := &machine{}
	var asJSON bool
	var limit int
	c := &cobra.Command{
		Use:   "revisions",
		Short: "List the revisions that came, and what became of them",
		Long: `List the revisions that came, newest first, and what became of each: reached, failed,
refused as invalid or held, or taken and not reached. A revision is named by its first
digits to ` + "`havn diff` and `havn rollback`" + `.`,
		Args: args(cobra.NoArgs),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().IntVarP(&limit, "last", "n", 20, "show the newest `N` revisions")
	return m.onHost(c, func(c *cobra.Command, _ []string) error {
		events, err := lookDisk(c.Context(), m,
			func(client *console.Client) ([]journal.Event, error) {
				return client.History(c.Context(), "", mostActs)
			},
			func(j *journal.Journal, _ *slog.Logger) ([]journal.Event, error) { return j.Events("", mostActs) })
		if err != nil {
			return err
		}
		lines := revisionsOf(events)
		lines = lines[:max(0, min(len(lines), limit))]
		switch {
		case asJSON:
			return printJSON(c.OutOrStdout(), lines)
		case len(lines) == 0:
			fmt.Fprintln(c.ErrOrStderr(), "no revision has come yet")
			return nil
		}
		return printRevisions(c.OutOrStdout(), lines)
	})
}

// revisionsOf reads the revisions out of what happened, newest first.
func revisionsOf(events []journal.Event) []revisionLine {
	out := []revisionLine{}
	condemned := strings.TrimSuffix(plan.Condemn{}.String(), spec.Fingerprint("").Short())
	of := func(e journal.Event) *revisionLine {
		for i := range out {
			if out[i].Revision == e.Revision {
				return &out[i]
			}
		}
		out = append(out, revisionLine{Revision: e.Revision, Became: "taken"})
		return &out[len(out)-1]
	}
	for _, e := range events {
		switch {
		case e.Revision == "":
		case strings.HasPrefix(e.Act, "take revision"):
			l := of(e)
			l.At, l.Became, l.Why = e.At, "taken", e.Why
		case e.Act == journal.Refuse:
			l := of(e)
			l.At, l.Became, l.Why = e.At, "refused", e.Err
		case strings.HasPrefix(e.Act, "reach revision "):
			e.Revision = strings.TrimPrefix(e.Act, "reach revision ")
			l := of(e)
			l.At, l.Became, l.Why = firstTime(l.At, e.At), "reached", ""
		case strings.HasPrefix(e.Act, "apply "):
			if l := of(e); e.Err != "" {
				l.At, l.Became, l.Why = e.At, "failed", e.Err
			}
		case strings.HasPrefix(e.Act, condemned):
			l := of(e)
			l.At, l.Became, l.Why = firstTime(l.At, e.At), "failed", e.Service+": "+e.Why
		default:
			l := of(e)
			l.At = firstTime(l.At, e.At)
		}
	}
	slices.SortStableFunc(out, func(a, b revisionLine) int { return b.At.Compare(a.At) })
	return out
}

// firstTime is a, or b if that is not set.
func firstTime(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

func printRevisions(w io.Writer, lines []revisionLine) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, l := range lines {
		why, _, _ := strings.Cut(l.Why, "\n")
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", l.At.Format(time.DateTime), short(l.Revision), l.Became, why)
	}
	return t.Flush()
}

// firstOf is the first of some problems, and how many there are.
func firstOf(problems spec.Problems) string {
	first, rest, more := strings.Cut(problems.Error(), "\n")
	if more {
		first += fmt.Sprintf(" (and %d more)", strings.Count(rest, "\n")+1)
	}
	return first
}
