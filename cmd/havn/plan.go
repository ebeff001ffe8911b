package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"havn.internal/gitops/hold"
	"havn.internal/reconciler/console"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func newPlan() *cobra.Command {
	p := &planning{machine: &machine{}}
	c := &cobra.Command{
		Use:   "plan DIR",
		Short: "Show what a directory of specs would change on this machine, and why",
		Long: `Show what a directory of specs would change on this machine, and why: every
field old and new, whether it is without downtime, and each step on the road. The
road is made by the same planner that would walk it, as if new releases become ready.
Values that may be secret (of the environment, commands, files, labels and headers) are
shown with --show-values only.

With --against it is for the host that a file of ` + "`havn status --snapshot`" + ` shows, and
needs neither that host nor Docker. Values that may be secret are not in the file: of
those the plan says that they change.

Exit codes: 0 nothing to do; 2 there are changes; 1 the plan could not be made.`,
		Example: `  havn plan mysite
  havn plan mysite --against web-1.json --markdown   # in CI, for a host elsewhere`,
		Args: args(cobra.ExactArgs(1)), ValidArgsFunction: directory,
	}
	c.Flags().BoolVar(&p.json, "json", false, "print JSON")
	c.Flags().BoolVar(&p.markdown, "markdown", false, "print Markdown, for a comment on a pull request")
	c.Flags().BoolVar(&p.prune, "prune", false, "agree to removing more services at once than havn does unasked")
	valuesFlag(c.Flags(), &p.values)
	c.Flags().StringVar(&p.against, "against", "", "plan for the host that the snapshot in `FILE` shows (- for the standard input)")
	p.machine.flags(c.Flags())
	c.RunE = func(c *cobra.Command, given []string) error {
		switch {
		case p.json && p.markdown:
			return usage(c, errTwoForms)
		case p.values && (p.markdown || p.against != ""):
			return usage(c, errNoValues)
		}
		plan := p.here
		if p.against != "" {
			plan = p.elsewhere
		}
		road, err := plan(c, given[0])
		if err != nil {
			return err
		}
		if err := p.print(c.OutOrStdout(), road); err != nil {
			return err
		}
		if road.Pending() {
			return &exitError{code: exitPending}
		}
		return nil
	}
	return c
}

// planning is one `havn plan`.
type planning struct {
	machine               *machine
	json, markdown, prune bool
	values                bool
	against               string
	// asOf says which host the plan is for, if that is not this one.
	asOf string
	// standing is what keeps this host from being as its source says.
	standing hold.Standing
}

func (p *planning) here(c *cobra.Command, dir string) (road model.Road, err error) {
	m := p.machine
	// The plan is for the host that the last run or apply was for.
	if err := m.completeFrom(c.Flags(), recalled...); err != nil {
		return road, usage(c, err)
	}
	m.noteRecalled(c.ErrOrStderr())
	site, err := spec.LoadFor(c.Context(), dir, m.self.host())
	if err != nil {
		return road, failedSpec(err)
	}
	if road, err = m.forecast(c.Context(), console.Question{Site: site, Told: m.told(), Values: plan.Values(p.values)}, p.prune); err == nil {
		p.standing, err = m.standing(c.Context())
	}
	return road, err
}

// elsewhere plans for the host of the snapshot, and says what that rests on.
func (p *planning) elsewhere(c *cobra.Command, dir string) (road model.Road, err error) {
	host, err := p.machine.self.asked()
	if err != nil {
		return road, usage(c, err)
	}
	s, err := readSnapshot(p.against)
	if err != nil {
		return road, err
	}
	if host == nil {
		host = &s.Host
	}
	site, err := spec.LoadFor(c.Context(), dir, host)
	if err != nil {
		return road, failedSpec(err)
	}
	now := time.Now()
	for _, note := range snapshotNotes(s, site, now) {
		fmt.Fprintln(c.ErrOrStderr(), note)
	}
	p.asOf = asOf(s, now)
	return forecastAgainst(c.Context(), s, site, p.prune)
}

func (p *planning) print(w io.Writer, road model.Road) error {
	switch {
	case p.json:
		return printJSON(w, plannedRoad{road, p.standing})
	case p.markdown:
		return printMarkdown(w, road, p.asOf, p.standing.Lines())
	}
	err := printRoad(w, road, p.standing.Lines())
	if err == nil && !p.values && p.against == "" {
		hint(w, road.Changes)
	}
	return err
}

// forecast asks the havn that runs, or looks at the host if none does.
func (m *machine) forecast(ctx context.Context, ask console.Question, prune bool) (model.Road, error) {
	running := func(c *console.Client) (model.Road, error) { return c.Forecast(ctx, ask) }
	return lookHost(ctx, m, prune, running, func(h *host) (model.Road, error) {
		if err := errors.Join(h.engine.CheckState(ctx), m.meant(ctx, h.engine)); err != nil {
			return model.Road{}, err
		}
		before, err := m.remembered()
		if err != nil {
			return model.Road{}, err
		}
		road, err := h.forecast(ctx, ask)
		if err == nil {
			road.On(before, ask.Told)
		}
		return road, err
	})
}

func (h *host) forecast(ctx context.Context, ask console.Question) (model.Road, error) {
	o := h.lookUntilProbed(ctx, ask.Site)
	if o.Err != nil {
		return model.Road{}, o.Err
	}
	road := model.ForecastWith(ask.Site, o.Have, time.Now(), ask.Values)
	h.explain(road, ask.Site, ask.Values)
	return road, nil
}

// explain says how files change, as far as the journal has what they were.
func (h *host) explain(road model.Road, want spec.Site, v plan.Values) {
	sites := []spec.Site{want}
	for _, k := range h.journal.Sites() {
		sites = append(sites, k.Site)
	}
	explainFiles(road.Changes, v, sites...)
}

// plannedRoad is what `havn plan --json` prints.
type plannedRoad struct {
	model.Road
	Standing hold.Standing `json:"standing,omitzero"`
}

// standing says what keeps the host from being as its source says.
func (m *machine) standing(ctx context.Context) (hold.Standing, error) {
	if _, err := os.Stat(m.state); errors.Is(err, fs.ErrNotExist) {
		return hold.Standing{}, nil
	}
	return lookDesires(ctx, m,
		func(client *console.Client) (hold.Standing, error) { return client.Standing(ctx) },
		func(d *desires) (hold.Standing, error) { return d.Standing(), nil })
}

func printRoad(w io.Writer, r model.Road, standing []string) error {
	var b strings.Builder
	for _, line := range standing {
		fmt.Fprintf(&b, "held: %s\n", line)
	}
	if !r.Pending() {
		b.WriteString("nothing to do: the host is as the specs say\n")
	}
	printMachine(&b, r)
	for _, c := range r.Changes {
		printChange(&b, c)
	}
	if len(r.Steps) > 0 {
		fmt.Fprintf(&b, "\nthe road, about %s:\n", r.Took.Std().Round(100*time.Millisecond))
	}
	printSteps(&b, r.Steps)
	if len(r.Cleanup) > 0 {
		b.WriteString("\nremoved when nothing else is to be done:\n")
		printSteps(&b, r.Cleanup)
	}
	for _, k := range r.Blocked {
		fmt.Fprintf(&b, "blocked: %s\n", strings.TrimPrefix(blockedOn(k)+": "+k.Why, ": "))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	if r.Pending() {
		fmt.Fprintf(&b, "\nplan %s; `havn apply DIR --expect %s` goes on only if it still holds\n", r.Hash, r.Hash)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printMachine prints what the machine is told that it was not told before.
func printMachine(b *strings.Builder, r model.Road) {
	if len(r.Machine) == 0 {
		return
	}
	b.WriteString("~ machine told otherwise than the last run or apply\n")
	for _, c := range r.Machine {
		fmt.Fprintf(b, "    %s\n", c)
	}
}

func printSteps(b *strings.Builder, steps []model.Step) {
	for _, s := range steps {
		who := ""
		if s.Service != "" {
			who = s.Service + ": "
		}
		fmt.Fprintf(b, "  %7s  %s%s  # %s\n", s.After.Std().Round(100*time.Millisecond), who, s.Act, s.Why)
	}
}

func blockedOn(b plan.Blocked) string { return b.Service + b.Route }

// signs mark the kinds of changes, as in a diff.
var signs = map[model.Kind]string{model.Created: "+", model.Removed: "-"}

func printChange(b *strings.Builder, c model.Change) {
	fmt.Fprintf(b, "%s %s %s", signOf(c), subject(c), c.Kind)
	if c.Strategy != "" {
		fmt.Fprintf(b, " (%s)", c.Strategy)
	}
	switch {
	case c.Downtime:
		fmt.Fprintf(b, ": DOWN %s: %s", outage("for about", c), c.OutageWhy)
	case c.Kind != model.Created && c.Kind != model.Removed && c.Volume == "":
		b.WriteString(": no downtime")
	}
	b.WriteString("\n")
	printFields(b, c)
}

// outage says for how long, with the words that go before a time.
func outage(before string, c model.Change) string {
	if c.Outage == 0 {
		return "from then on"
	}
	return before + " " + c.Outage.Std().Round(100*time.Millisecond).String()
}

func signOf(c model.Change) string {
	if sign, marked := signs[c.Kind]; marked {
		return sign
	}
	return "~"
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
