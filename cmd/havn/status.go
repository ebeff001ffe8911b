package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"havn.internal/reconciler"
	"havn.internal/reconciler/console"
	"havn.internal/reconciler/docker"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func newStatus() *cobra.Command {
	m := &machine{}
	var asJSON, exitCode bool
	var file string
	c := &cobra.Command{
		Use:   "status",
		Short: "Show where the site stands: services, routes, revision",
		Long: `Show where the site stands: services, replicas, routes and revision; of what is not as
it should be, what it waits for or why it is blocked, with the end of its log.

Exit codes: 0 the host was looked at; 1 it could not be; with --exit-code, 2 if it is not
as the wanted revision says.`,
		Example: `  havn status
  havn status --snapshot web-1.json   # for havn plan --against, elsewhere`,
		Args: args(cobra.NoArgs),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&exitCode, "exit-code", false, "exit with 2 unless the host is as the wanted revision says")
	c.Flags().StringVar(&file, "snapshot", "", "write what havn plan --against needs of this host to `FILE` (- for the standard output), without secrets")
	return m.onHost(c, func(c *cobra.Command, _ []string) error {
		if file != "" {
			return writeSnapshot(c, m, file)
		}
		s, err := status(c.Context(), m)
		if err != nil {
			return err
		}
		if asJSON {
			err = printJSON(c.OutOrStdout(), s)
		} else {
			err = printStatus(c.OutOrStdout(), s)
		}
		if err == nil && exitCode && !s.Converged {
			return &exitError{code: exitPending}
		}
		return err
	})
}

// status asks the havn that runs, or looks at the host if none does.
func status(ctx context.Context, m *machine) (console.Status, error) {
	running := func(c *console.Client) (console.Status, error) { return c.Status(ctx) }
	return lookHost(ctx, m, false, running, func(h *host) (console.Status, error) {
		if err := h.known(ctx, m); err != nil {
			return console.Status{}, err
		}
		d := m.desires(h.journal, h.log)
		want, _, _ := d.gate.Wanted()
		s := h.describe(ctx, m, want.Site, h.lookUntilProbed(ctx, want.Site))
		s.Revision.Attempted, s.Revision.LastGood, s.Source = want.Site.Revision, h.journal.Good(), m.sourceBefore()
		s.Standing = d.Standing()
		s.Converged = s.Converged && s.Revision.Attempted != ""
		if events, err := h.journal.Events("", lastActs); err == nil && !s.Converged {
			s.Failed = console.Failed(events)
		}
		return s, nil
	})
}

// lastActs are as many acts as may say why the host is not as it should be.
const lastActs = 30

// probed is how long a single look waits for the first answers of the probes.
const probed = 2 * time.Second

// lookUntilProbed looks at the host until every replica has been probed once.
func (h *host) lookUntilProbed(ctx context.Context, want spec.Site) reconciler.Outcome {
	return h.lookAt(ctx, want, nil)
}

// lookAt is lookUntilProbed for a site whose references stand for given images.
func (h *host) lookAt(ctx context.Context, want spec.Site, images map[string]string) reconciler.Outcome {
	// A look has deadlines of its own; this one is for the probes alone.
	enough := time.NewTimer(probed)
	defer enough.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		o := h.LookAt(ctx, want, images)
		if o.Err != nil || !slices.ContainsFunc(slices.Collect(maps.Values(o.Have.Containers)), plan.Container.Unprobed) {
			return o
		}
		select {
		case <-ctx.Done():
			return o
		case <-enough.C:
			return o
		case <-tick.C:
		}
	}
}

func printStatus(w io.Writer, s console.Status) error {
	var b strings.Builder
	fmt.Fprintf(&b, "site      %s: %s\n", s.Site, standing(s))
	r := s.Revision
	fmt.Fprintf(&b, "revision  %s", orNone(r.Applied))
	if r.LastGood != r.Applied {
		fmt.Fprintf(&b, ", last good %s", orNone(r.LastGood))
	}
	switch {
	case r.Problem != "" && r.Attempted == "":
		fmt.Fprintf(&b, "\n          %s", indent(r.Problem))
	case r.Problem != "":
		fmt.Fprintf(&b, "\n          %s is not applied: %s", r.Attempted, indent(r.Problem))
	}
	b.WriteString("\n")
	for _, line := range s.Standing.Lines() {
		fmt.Fprintf(&b, "held      %s\n", indent(line))
	}
	printSource(&b, s.Source, time.Now())
	fmt.Fprintf(&b, "gateway   %s\n", gatewayLine(s.Gateway))
	printTell(&b, s)
	for _, f := range s.Failed {
		fmt.Fprintf(&b, "failed    %s: %s\n", ago(f.At, time.Now()), indent(told(f)))
	}
	for _, w := range s.Waits {
		fmt.Fprintf(&b, "waits     %s\n", indent(waiting(w)))
	}
	if s.Journal != "" {
		fmt.Fprintf(&b, "journal   can't be written: %s; havn goes on with what it remembers\n", s.Journal)
	}
	for _, why := range s.Blocked {
		fmt.Fprintf(&b, "blocked   %s\n", why)
	}
	for _, why := range s.Notes {
		fmt.Fprintf(&b, "note      %s\n", why)
	}
	if s.Unknown != "" {
		fmt.Fprintf(&b, "unknown   %s\n", s.Unknown)
	}
	b.WriteString("\n")
	for _, one := range s.Services {
		printService(&b, one)
	}
	printRoutes(&b, s.Routes)
	_, err := io.WriteString(w, b.String())
	return err
}

func standing(s console.Status) string {
	switch {
	case s.Applying && s.Converged:
		return fmt.Sprintf("converged; `havn apply` is at work (pid %d)", s.Pid)
	case s.Applying:
		return fmt.Sprintf("not converged yet; `havn apply` is at work (pid %d)", s.Pid)
	case !s.Running && s.Revision.Attempted == "" && len(s.Services) == 0:
		return "nothing was ever wanted here; no havn runs"
	case !s.Running && s.Converged:
		return "converged; no havn runs"
	case !s.Running:
		return "no havn runs"
	case s.Converged:
		return fmt.Sprintf("converged (pid %d)", s.Pid)
	}
	return fmt.Sprintf("not converged (pid %d)", s.Pid)
}

// told is a failure in a line. What was done is in most errors.
func told(f console.Failure) string {
	text := f.Why
	if !strings.Contains(text, f.Act) {
		text = f.Act + ": " + text
	}
	if f.Service != "" && !strings.HasPrefix(text, f.Service+": ") {
		text = f.Service + ": " + text
	}
	return text
}

// known: the state directory is there or, if it was lost, the site is.
func (h *host) known(ctx context.Context, m *machine) error {
	missing := m.exists()
	if missing == nil {
		return nil
	}
	sites, err := h.engine.Sites(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(sites, func(s docker.Site) bool { return s.Name == m.site }) {
		return nil
	}
	return missing
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func indent(s string) string { return strings.ReplaceAll(s, "\n", "\n          ") }

func gatewayLine(g console.Gateway) string {
	const down = "nginx does not run"
	line := down
	switch {
	case g.Running:
		line = fmt.Sprintf("nginx %s on %s, generation %d", g.Version, g.Address, g.Generation)
	case strings.HasPrefix(g.Problem, down):
		return g.Problem
	}
	if g.Problem != "" {
		line += "; " + g.Problem
	}
	return line
}

// printService prints one service: a line, and what keeps it from its goal.
func printService(w io.Writer, s console.Service) {
	fmt.Fprintf(w, "%s  %s  %d/%d ready, %d routed  release %s  %s\n", s.Name, s.Phase, s.Ready, s.Wanted, s.Routed, orNone(s.Release), s.Image)
	// What it waits to try again is told with the wait.
	told := slices.ContainsFunc(s.Waits, func(w plan.Wait) bool { return strings.HasPrefix(w.Why, s.Detail) })
	if s.Detail != "" && !told {
		fmt.Fprintf(w, "    %s\n", s.Detail)
	}
	for _, why := range s.Blocked {
		if !strings.Contains(s.Detail, why) {
			fmt.Fprintf(w, "    blocked: %s\n", why)
		}
	}
	for _, wait := range s.Waits {
		fmt.Fprintf(w, "    waits %s\n", waiting(wait))
	}
	for _, r := range s.Replicas {
		if s.Phase != plan.Converged || r.Restarts > 0 {
			printReplica(w, r)
		}
	}
	for _, line := range s.Log {
		fmt.Fprintf(w, "    | %s\n", line)
	}
}

func printReplica(w io.Writer, r console.Replica) {
	fmt.Fprintf(w, "    %s %s at %s: %s", r.Name, r.State, r.Address, orNone(r.Probe))
	if r.Answer != "" {
		fmt.Fprintf(w, ": %s", r.Answer)
	}
	if r.Restarts > 0 {
		fmt.Fprintf(w, "; restarted by Docker %s, last exit code %d", spec.Count(r.Restarts, "time"), r.ExitCode)
	}
	fmt.Fprintln(w)
}

// waiting says what is waited for, and how long yet.
func waiting(w plan.Wait) string {
	return fmt.Sprintf("%s more: %s", max(0, time.Until(w.Until)).Round(time.Second), w.Why)
}

func printRoutes(w io.Writer, routes []console.Route) {
	if len(routes) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range routes {
		path, to := r.Path, r.Service+" "+strings.Join(r.Servers, " ")
		if r.Exact {
			path = "=" + path
		}
		switch {
		case r.To != "":
			to = "redirect to " + r.To
		case len(r.Servers) == 0:
			to = r.Service + " (no replica is ready: 503)"
		}
		if len(r.Spares) > 0 {
			to += "  to spare: " + strings.Join(r.Spares, " ")
		}
		if r.Blocked != "" {
			to += "  blocked: " + r.Blocked
		}
		fmt.Fprintf(t, "%s%s\t-> %s\n", r.Host, path, to)
	}
	_ = t.Flush()
}

// describe is the part of a status that follows from an outcome.
func (h *host) describe(ctx context.Context, m *machine, want spec.Site, o reconciler.Outcome) console.Status {
	s := console.Describe(ctx, want, o, h.engine.Tail)
	s.Site, s.Version, s.Journal = m.site, version(), h.journal.Problem()
	s.Gateway.Address, s.Gateway.Version = m.http, h.gateway.Version()
	if why := h.gateway.Degraded(); why != "" && s.Gateway.Problem == "" {
		s.Gateway.Problem = why
	}
	return s
}
