package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"havn.internal/gitops/hold"
	"havn.internal/reconciler/console"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
)

// back is the pin that a rollback makes, or that the host is there already.
func (d *desires) back(ctx context.Context, by hold.By, words []string) (p hold.Pin, already string, err error) {
	if err := d.gate.Readable(); err != nil {
		return p, "", err
	}
	w, state, wanted := d.gate.Wanted()
	if !wanted {
		return p, "", errNothingWanted
	}
	past := d.past()
	service, revision, err := past.Meant(words, w.Site)
	if err != nil {
		return p, "", err
	}
	if now, is := rolledBack(state, service); is && (revision == "" || named(now.Revision, revision)) {
		return now, d.already(now, past), nil
	}
	k, err := d.choose(ctx, w, state, past, service, revision)
	if err != nil {
		return p, "", err
	}
	p = k.Whole(by, d.now())
	if service != "" {
		p, err = k.Only(service, w.Site, d.book.Pins(w.Site.Revision), by, d.now())
	}
	return p, "", err
}

// rolledBack is the pin that a rollback of the service, or of the host, made before.
func rolledBack(s hold.State, service string) (hold.Pin, bool) {
	if service != "" {
		p, pinned := s.Services[service]
		return p, pinned && p.Kind == hold.Rollback
	}
	if s.Host == nil {
		return hold.Pin{}, false
	}
	return *s.Host, s.Host.Kind == hold.Rollback
}

func named(revision, digits string) bool {
	_, err := (hold.Past{{Revision: revision}}).Find(digits)
	return err == nil
}

// already says that a rollback has been made: to press a key twice goes back once.
func (d *desires) already(p hold.Pin, past hold.Past) string {
	command, undo := "havn rollback REVISION", "havn unpin"
	if p.Service != "" {
		command, undo = "havn rollback "+p.Service+" REVISION", "havn unpin "+p.Service
	}
	return fmt.Sprintf("already %s; `%s` goes on with the source, `%s` goes to another revision: %s", p, undo, command, past)
}

// proposed says what a rollback would do.
func (h *host) proposed(ctx context.Context, d *desires, words []string) (console.Proposal, error) {
	p, already, err := d.back(ctx, hold.By{}, words)
	out := console.Proposal{Service: p.Service, Revision: p.Revision, Already: already}
	if err != nil || already != "" {
		return out, err
	}
	w, err := d.gate.Would(p)
	if err != nil {
		return out, err
	}
	base := map[string]string{}
	if w.Base != "" {
		base = d.book.Pins(w.Base)
	}
	o := h.lookAt(ctx, w.Site, w.References(base))
	if o.Err != nil {
		out.Unknown = o.Err.Error()
		return out, nil
	}
	out.Road = model.Forecast(w.Site, o.Have, d.now())
	h.explain(out.Road, w.Site, plan.HideValues)
	return out, nil
}

// printProposal shows what a rollback does and costs.
func printProposal(w io.Writer, p console.Proposal) {
	var b strings.Builder
	what := "the host"
	if p.Service != "" {
		what = "service " + p.Service
	}
	fmt.Fprintf(&b, "%s goes back to %s:\n", what, hold.Short(p.Revision))
	switch {
	case p.Unknown != "":
		fmt.Fprintf(&b, "what that changes can't be said: %s\n", p.Unknown)
	case !p.Road.Pending():
		b.WriteString("nothing changes: the host is as it was then\n")
	}
	for _, c := range p.Road.Changes {
		printChange(&b, c)
	}
	for _, k := range p.Road.Blocked {
		fmt.Fprintf(&b, "blocked: %s\n", strings.TrimPrefix(blockedOn(k)+": "+k.Why, ": "))
	}
	fmt.Fprint(w, b.String())
}

// agreed asks the person at the terminal; who has none has said it with the command.
func agreed(c *cobra.Command, p console.Proposal, yes bool) error {
	f, isFile := c.InOrStdin().(*os.File)
	if yes || !isFile || !isatty.IsTerminal(f.Fd()) {
		return nil
	}
	down := false
	for _, change := range p.Road.Changes {
		down = down || change.Downtime
	}
	if !down {
		return nil
	}
	return confirm(c.Context(), c.InOrStdin(), c.OutOrStdout(), "go back?", "nothing has changed")
}
