package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"havn.internal/gitops/hook"
	"havn.internal/gitops/secret"
	"havn.internal/reconciler"
	"havn.internal/reconciler/console"
	"havn.internal/reconciler/plan"
)

// webhooks are where a forge says that something was pushed. A nil one takes none.
type webhooks struct {
	flags    hookFlags
	receiver *hook.Receiver
	log      *slog.Logger
	// behind is the listener that the gateway leads to, nil if there is no path.
	behind net.Listener
	own    []plan.Location

	mu      sync.Mutex
	problem string
}

// open checks the secrets, and finds where the gateway's path leads to.
func (h hookFlags) open(state string, log *slog.Logger) (*webhooks, error) {
	if !h.given() {
		return nil, nil
	}
	r, err := hook.New(hook.Kind(h.kind), secret.File(h.secretFile), log)
	if err != nil {
		return nil, err
	}
	w := &webhooks{flags: h, receiver: r, log: log}
	if h.path == "" {
		return w, nil
	}
	var guarded bool
	if w.behind, guarded, err = h.behind(state); err != nil {
		return nil, err
	}
	if !guarded {
		log.Warn("while havn is away, any user of this machine can listen where the gateway sends webhooks; run havn as root, "+
			"with net.ipv4.ip_unprivileged_port_start at 1024", "address", w.behind.Addr())
	}
	w.own = []plan.Location{h.location(w.behind.Addr().(*net.TCPAddr).AddrPort())}
	return w, nil
}

// locations are those that the gateway has for webhooks; never nil.
func (w *webhooks) locations() []plan.Location {
	if w == nil {
		return []plan.Location{}
	}
	return append([]plan.Location{}, w.own...)
}

// run takes webhooks until ctx ends, and has the source asked for each.
func (w *webhooks) run(ctx context.Context, poke func()) error {
	if w == nil {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.receiver.Run(ctx, poke) })
	if w.behind != nil {
		g.Go(func() error { return w.listen(ctx, "tcp4", w.behind.Addr().String(), w.behind) })
	}
	if w.flags.listen != "" {
		g.Go(func() error { return w.listen(ctx, "tcp", w.flags.listen, nil) })
	}
	return g.Wait()
}

// listenAgain is the pause after an address could not be listened on. Webhooks only
// make it faster, so a taken port is no reason not to run.
const listenAgain = 5 * time.Second

// listen serves webhooks at an address until ctx ends: on a listener that is open, or
// on a new one.
func (w *webhooks) listen(ctx context.Context, network, address string, l net.Listener) error {
	for {
		var err error
		if l == nil {
			l, err = net.Listen(network, address)
			w.note(err)
		}
		if err == nil {
			if err = hook.Serve(ctx, l, w.receiver, w.log); ctx.Err() == nil {
				w.note(err)
			}
			l = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(listenAgain):
		}
	}
}

func (w *webhooks) note(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != w.problem {
		w.log.Error("webhooks are not taken; the remote is asked at its interval", "err", err)
	}
	w.problem = text
}

// status is what `havn status` shows of them.
func (w *webhooks) status(o reconciler.Outcome) *console.Hook {
	if w == nil {
		return nil
	}
	heard := w.receiver.Heard()
	s := &console.Hook{Kind: w.flags.kind, Last: heard.Last, Refused: heard.Refused, RefusedAt: heard.Lately}
	if w.flags.listen != "" {
		s.At = append(s.At, w.flags.listen)
	}
	for _, l := range plan.OwnLocations(o.Have.Gateway.Table) {
		s.At = append(s.At, "gateway "+l.Host+l.Path)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var problems []string
	for _, b := range o.Plan.Aside {
		problems = append(problems, b.Why+"; give another --hook-path")
	}
	if w.problem != "" {
		problems = append(problems, w.problem)
	}
	s.Problem = strings.Join(problems, "; ")
	return s
}

var errHookNoGit = errors.New("webhooks ask a git remote to be asked; --hook-* goes with --git")
