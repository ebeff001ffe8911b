package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"havn.internal/gitops"
	"havn.internal/reconciler"
	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func newApply() *cobra.Command {
	m := &machine{}
	a := &applying{machine: m}
	c := &cobra.Command{
		Use:   "apply DIR",
		Short: "Converge this machine to a directory of specs once, and exit",
		Long: `Converge this machine to a directory of specs once, and exit: 0 when it is as the
specs say, 1 if something keeps it from that. What runs keeps running either way. Flags of
the machine that are not given are as the last run or apply on this state directory had them.

Where the host follows a git remote, or a havn runs, it is recorded as applied by hand,
by whom and why, and the host stays there until ` + "`havn unpin`" + `: new revisions of the source
wait. A havn that runs is handed the site, and this waits until it is done.`,
		Example: `  havn apply mysite
  havn apply mysite --expect 111bb72570a9b372   # only what that plan showed`,
		Args: args(cobra.ExactArgs(1)), ValidArgsFunction: directory,
	}
	c.Flags().StringVar(&a.expect, "expect", "", "go on only if spec and host are still those of the plan with this `HASH`")
	c.Flags().DurationVar(&a.timeout, "timeout", 30*time.Minute, "give up after this `TIME`")
	c.Flags().BoolVar(&a.prune, "prune", false, "agree to removing more services at once than havn does unasked")
	whyFlag(c.Flags(), &a.why)
	m.flags(c.Flags())
	c.RunE = func(c *cobra.Command, given []string) error {
		if err := m.completeFrom(c.Flags(), recalled...); err != nil {
			return usage(c, err)
		}
		m.noteRecalled(c.ErrOrStderr())
		switch client, err := console.Dial(c.Context(), m.state); {
		case err == nil:
			return a.hand(c, client, given[0])
		case !errors.Is(err, console.ErrNotRunning):
			return err
		}
		return a.run(c.Context(), given[0], c.OutOrStdout())
	}
	return c
}

// applying is one `havn apply`.
type applying struct {
	machine *machine
	expect  string
	timeout time.Duration
	prune   bool
	why     string
}

func (a *applying) run(ctx context.Context, dir string, out io.Writer) (err error) {
	log, err := a.machine.log.logger()
	if err != nil {
		return err
	}
	a.machine.keepName(log)
	if err := gitops.Whole(ctx, dir, aroundDir); err != nil {
		return err
	}
	site, err := spec.LoadFor(ctx, dir, a.machine.self.host())
	if err != nil {
		return failedSpec(err)
	}
	h, err := a.machine.open(ctx, log, a.prune)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := a.machine.meant(ctx, h.engine); err != nil {
		return err
	}
	w := &worker{host: h, desires: a.machine.desires(h.journal, log), machine: a.machine, site: site}
	return whileWorking(ctx, w, log, func() error { return a.work(ctx, h, site, dir, out) })
}

// work converges the host, and has history know what came of it.
func (a *applying) work(ctx context.Context, h *host, site spec.Site, dir string, out io.Writer) (err error) {
	if err := h.claim(ctx, a.machine); err != nil {
		return err
	}
	if err := h.expected(ctx, a.machine, site, a.expect); err != nil {
		return err
	}
	if err := a.record(h, site, dir, h.log, out); err != nil {
		return err
	}
	begin := time.Now()
	defer func() { h.journal.Outcome("apply "+site.Revision, reason(me(a.why)), time.Since(begin), err) }()
	last, err := h.converge(ctx, site, a.timeout)
	if err != nil {
		if ctx.Err() == nil {
			printTroubled(out, h.describe(ctx, a.machine, site, last).Services)
		}
		return err
	}
	h.journal.SetGood(site.Revision)
	return converged(out, site, last.Have.Gateway.Generation, begin)
}

func converged(out io.Writer, site spec.Site, generation int, begin time.Time) error {
	_, err := fmt.Fprintf(out, "converged to %s: %s, generation %d, in %s\n",
		site.Revision, site.Size(), generation, time.Since(begin).Round(10*time.Millisecond))
	return err
}

// expected refuses if spec or host are not those of the plan with the hash.
func (h *host) expected(ctx context.Context, m *machine, site spec.Site, hash string) error {
	if hash == "" {
		return nil
	}
	o := h.lookUntilProbed(ctx, site)
	if o.Err != nil {
		return o.Err
	}
	return sameHash(model.HashOn(model.Hash(site, o.Have), m.told()), hash)
}

func sameHash(now, hash string) error {
	if now != hash {
		return fmt.Errorf("spec or host are not those of plan %s any more (now %s); look at `havn plan` again", hash, now)
	}
	return nil
}

// failedSpec prints problems as they are: one a line, for editors to jump to.
func failedSpec(err error) error {
	var problems spec.Problems
	if errors.As(err, &problems) {
		return &exitError{exitFailed, problems}
	}
	return err
}

// converge makes the host follow the site until that is so, or nothing more will
// happen, or the time is over.
func (h *host) converge(ctx context.Context, site spec.Site, timeout time.Duration) (reconciler.Outcome, error) {
	h.journal.SetSite(site)
	h.Deliver(site)
	watching, stop := context.WithCancel(ctx)
	done := make(chan struct{}, 2)
	go func() { h.engine.Watch(watching, h.Wake); done <- struct{}{} }()
	go func() { h.gateway.Watch(watching, h.Wake); done <- struct{}{} }()
	defer func() { stop(); <-done; <-done }()
	running, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var last reconciler.Outcome
	settled := error(reconciler.ErrUnderWay)
	var docker restarts
	h.Run(running, func(o reconciler.Outcome) bool {
		last, settled = o, o.Settled()
		docker.pass(o, h.journal.Record)
		return errors.Is(settled, reconciler.ErrUnderWay) || o.Err != nil
	})
	switch {
	case ctx.Err() != nil:
		return last, errors.New("interrupted; what runs keeps running, and the next apply goes on from here")
	case errors.Is(settled, reconciler.ErrUnderWay):
		return last, fmt.Errorf("not done after %s; the next apply goes on from here", timeout)
	}
	return last, settled
}

// printTroubled shows of each service that is not as it should be what its replicas said
// last.
func printTroubled(out io.Writer, services []console.Service) {
	for _, s := range services {
		if s.Phase != plan.Converged {
			printService(out, s)
		}
	}
}

// record has the next havn find what was applied. Where the host follows a git
// remote, or something is pinned already, the host is pinned to it: otherwise it
// would be undone as soon as a havn runs again.
func (a *applying) record(h *host, site spec.Site, dir string, log *slog.Logger, out io.Writer) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	d := a.machine.desires(h.journal, log)
	_, err = os.Stat(filepath.Join(a.machine.state, acceptedFile))
	if s := d.Standing(); err != nil && !s.Pinned() && s.Problem == "" {
		h.journal.Remember(site, journal.Origin{From: dir})
		if err := d.gate.Store.SetPassed(site); err != nil {
			log.Warn("what is applied can't be remembered", "err", err)
		}
		return nil
	}
	said, err := d.byHand(me(a.why), console.Handed{Site: site, Dir: dir})
	if err == nil {
		_, err = fmt.Fprintln(out, said)
	}
	return err
}
