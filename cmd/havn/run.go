package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"havn.internal/gitops"
	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
)

func newRun() *cobra.Command {
	m := &machine{}
	s := &sourceFlags{}
	t := &tellFlags{}
	c := &cobra.Command{
		Use:   "run [--host FILE | --spec DIR | --git URL]",
		Short: "Keep this machine as a directory or a git remote of specs says, until stopped",
		Long: `Keep this machine as a directory or a git remote of specs says, until stopped.

A directory is watched, a remote is polled. A change that is valid is rolled out, one
that is not is reported and leaves what runs as it is. A commit that does not descend
from the accepted one, or is not signed as --trust asks, is held. When havn stops,
containers and nginx run on; when it starts again it goes on where it was.`,
		Example: `  havn run                      # as /etc/havn/host.cue says
  havn run --spec mysite
  havn run --git ssh://git@forge.example.no/acme/site.git --key-file /etc/havn/deploy-key \
    --known-hosts-file /etc/havn/known_hosts --trust every --allowed-signers /etc/havn/allowed_signers`,
		Args: args(cobra.NoArgs),
	}
	s.flags(c.Flags())
	t.flags(c.Flags())
	m.flags(c.Flags())
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := m.complete(); err != nil {
			return usage(c, err)
		}
		if err := m.file.blame(errors.Join(s.check(), t.check(s))); err != nil {
			return usage(c, err)
		}
		return runDaemon(c.Context(), m, s, t)
	}
	return c
}

func runDaemon(ctx context.Context, m *machine, s *sourceFlags, t *tellFlags) (err error) {
	log, err := m.log.logger()
	if err != nil {
		return err
	}
	m.keepName(log)
	h, err := m.openPatiently(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.claim(ctx, m); err != nil {
		return err
	}
	d := &daemon{host: h, machine: m, good: h.journal.Good()}
	d.takeDesires()
	source, err := d.open(s)
	if err != nil {
		return err
	}
	if d.hooks, err = t.hook.open(m.state, log); err != nil {
		return err
	}
	if d.news, err = t.announce(s, m.hostName(), h.journal, log); err != nil {
		return err
	}
	h.Own = d.hooks.locations()
	log.Info("havn runs", "version", version(), "name", m.self.name, "labels", m.self.labelText(), "site", m.site, "source", s.String(), "state", m.state, "http", m.http, "subnet", m.subnet, "pid", os.Getpid())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { h.engine.Watch(ctx, h.Wake); return nil })
	g.Go(func() error { h.gateway.Watch(ctx, h.Wake); return nil })
	g.Go(func() error { h.Run(ctx, d.seen); return nil })
	g.Go(func() error { d.gate.Run(ctx); return nil })
	g.Go(func() error { return console.Serve(ctx, m.state, d, log) })
	g.Go(func() error { return d.news.run(ctx) })
	g.Go(func() error { return d.hooks.run(ctx, func() { d.git.Poke() }) })
	arrived := newInbox()
	g.Go(func() error { return source.Run(ctx, arrived.put) })
	g.Go(func() error { return arrived.run(ctx, func(r gitops.Revision) bool { return d.evaluate(ctx, r) }) })
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	log.Info("havn stops; what runs keeps running")
	return nil
}

// lookersTime is how long a command that only looks may have the state directory.
const lookersTime = 10 * time.Second

// openPatiently is open, but waits for a command that looks at the host, as `status`
// does while no havn runs. Another havn answers on its socket.
func (m *machine) openPatiently(ctx context.Context, log *slog.Logger) (*host, error) {
	for begin := time.Now(); ; {
		h, err := m.open(ctx, log, false)
		if !errors.Is(err, journal.ErrLocked) || ctx.Err() != nil || time.Since(begin) > lookersTime {
			return h, err
		}
		if _, dialErr := console.Dial(ctx, m.state); !errors.Is(dialErr, console.ErrNotRunning) {
			return nil, err
		}
	}
}
