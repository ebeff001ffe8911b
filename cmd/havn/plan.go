package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"havn.internal/reconciler/console"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func newPlan() *cobra.Command {
	m := &machine{}
	var asJSON, prune bool
	c := &cobra.Command{
		Use:   "plan DIR",
		Short: "Show what a directory of specs would change on this machine, and why",
		Long: `Show what a directory of specs would change on this machine, and why: every
field old and new, whether it is without downtime, and each step on the road. The
road is made by the same planner that would walk it; it takes it that new releases
become ready.

Exit codes: 0 nothing to do; 2 there are changes; 1 the plan could not be made.`,
		Args: args(cobra.ExactArgs(1)),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&prune, "prune", false, "agree to removing more services at once than havn does unasked")
	m.flags(c.Flags())
	c.RunE = func(c *cobra.Command, given []string) error {
		// The plan is for the host that the last run or apply was for.
		if err := errors.Join(m.recall(c.Flags(), "name", "label"), m.complete()); err != nil {
			return usage(c, err)
		}
		site, err := spec.LoadFor(c.Context(), given[0], m.self.host())
		if err != nil {
			return failedSpec(err)
		}
		road, err := m.forecast(c.Context(), site, prune)
		if err != nil {
			return err
		}
		if asJSON {
			err = printJSON(c.OutOrStdout(), road)
		} else {
			err = printRoad(c.OutOrStdout(), road)
		}
		if err == nil && road.Pending() {
			return &exitError{code: exitPending}
		}
		return err
	}
	return c
}

// forecast asks the havn that runs, or looks at the host if none does.
func (m *machine) forecast(ctx context.Context, site spec.Site, prune bool) (road model.Road, err error) {
	client, err := console.Dial(ctx, m.state)
	if err == nil {
		return client.Forecast(ctx, site)
	}
	if !errors.Is(err, console.ErrNotRunning) {
		return road, err
	}
	log, err := m.log.logger()
	if err != nil {
		return road, err
	}
	h, err := m.open(ctx, log, prune)
	if err != nil {
		return road, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	return h.forecast(ctx, site)
}

func (h *host) forecast(ctx context.Context, site spec.Site) (model.Road, error) {
	o := h.lookUntilProbed(ctx, site)
	if o.Err != nil {
		return model.Road{}, o.Err
	}
	return model.Forecast(site, o.Have, time.Now()), nil
}

func printRoad(w io.Writer, r model.Road) error {
	var b strings.Builder
	if !r.Pending() {
		b.WriteString("nothing to do: the host is as the specs say\n")
	}
	for _, c := range r.Changes {
		printChange(&b, c)
	}
	if len(r.Steps) > 0 {
		fmt.Fprintf(&b, "\nthe road, about %s:\n", r.Took.Std().Round(100*time.Millisecond))
	}
	for _, s := range r.Steps {
		who := ""
		if s.Service != "" {
			who = s.Service + ": "
		}
		fmt.Fprintf(&b, "  %7s  %s%s  # %s\n", s.After.Std().Round(100*time.Millisecond), who, s.Act, s.Why)
	}
	for _, k := range r.Blocked {
		fmt.Fprintf(&b, "blocked: %s\n", strings.TrimPrefix(blockedOn(k)+": "+k.Why, ": "))
	}
	if r.Pending() {
		fmt.Fprintf(&b, "\nplan %s; `havn apply --expect %s` goes on only if it still holds\n", r.Hash, r.Hash)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func blockedOn(b plan.Blocked) string { return b.Service + b.Route }

// signs mark the kinds of changes, as in a diff.
var signs = map[model.Kind]string{model.Created: "+", model.Removed: "-"}

func printChange(b *strings.Builder, c model.Change) {
	sign, marked := signs[c.Kind]
	if !marked {
		sign = "~"
	}
	fmt.Fprintf(b, "%s %s %s", sign, subject(c), c.Kind)
	if c.Strategy != "" {
		fmt.Fprintf(b, " (%s)", c.Strategy)
	}
	switch {
	case c.Downtime:
		fmt.Fprintf(b, ": DOWN for about %s: %s", c.Outage.Std().Round(100*time.Millisecond), c.OutageWhy)
	case c.Kind != model.Created && c.Kind != model.Removed && c.Volume == "":
		b.WriteString(": no downtime")
	}
	b.WriteString("\n")
	for _, f := range c.Fields {
		fmt.Fprintf(b, "    %s\n", f)
	}
}

func subject(c model.Change) string {
	switch {
	case c.Service != "":
		return "service " + c.Service
	case c.Volume != "":
		return "volume " + c.Volume
	}
	return strings.TrimSuffix("route "+c.Route+" "+c.Where, " ")
}
