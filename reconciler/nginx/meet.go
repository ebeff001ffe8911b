package nginx

import (
	"context"
	"fmt"
	"regexp"
	"time"
)

// meet takes a master for ours if it answers for the generation that it would
// start with, written as it would be written today. It may be one that was
// switched to when havn ended: what nginx answers for is in force. If it answers
// for another than it would start with, a signal may be on its way, and only a new
// one tells. The caller holds swap.
func (g *Gateway) meet(ctx context.Context, pid int) bool {
	workers, seen := settled(ctx, pid)
	number, mark, err := ask(ctx, g.listener.probe)
	if err != nil {
		return false
	}
	in, ok := pointed(g.Dir, current)
	if !ok || in.number != number || markOf(g.key, in.table, number) != mark {
		return false
	}
	if err := g.learn(ctx, pid); err != nil {
		g.Log.Warn("nginx does not tell its version", "err", err)
	}
	g.mu.Lock()
	settings := g.settings()
	g.mu.Unlock()
	conf, err := Render(settings, in.table, in.number)
	if err != nil || sumOf(conf) != in.sum {
		return false
	}
	if !g.Looks {
		if err := point(g.Dir, confirmed, number); err != nil {
			g.Log.Error("can't keep nginx's generation on disk", "err", err)
			return false
		}
	}
	g.recognise(pid, in, workers, seen)
	return true
}

// learn asks for nginx's version, whether it is the one that is wanted, and what the
// system lets it open.
func (g *Gateway) learn(ctx context.Context, pid int) error {
	version, err := versionIn(g.Process.Version(ctx))
	if err != nil {
		return err
	}
	outdated, err := g.Process.Outdated(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.version, g.outdated = version, outdated
	if files := openFiles(pid); files != 0 {
		g.files = files
	}
	return err
}

// versionForm is what nginx -v prints: "nginx version: nginx/1.22.1 (Debian)".
var versionForm = regexp.MustCompile(`nginx/([0-9]+(?:\.[0-9]+)*)`)

// versionIn finds the version in the answer of nginx -v, "1.30.4".
func versionIn(said string, err error) (string, error) {
	if err != nil {
		return "", fmt.Errorf("nginx -v: %w", err)
	}
	m := versionForm.FindStringSubmatch(said)
	if m == nil {
		return "", fmt.Errorf("nginx -v says %q, expected nginx/ and a version", said)
	}
	return m[1], nil
}

// recognise takes a master that answers for a generation as ours. Its leaving
// workers may still send requests to anybody an older generation names.
func (g *Gateway) recognise(pid int, in generation, workers []worker, seen bool) {
	older := saved(g.Dir)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.take(in)
	g.master, _ = workerAt(pid)
	g.master.pid, g.problem = pid, ""
	g.recall(older, leavingOf(workers), seen)
}

// farewell is longer than nginx takes, after new workers came, to tell the old
// ones to leave (100 ms, ngx_master_process_cycle).
const farewell = 300 * time.Millisecond

// settled returns the workers of a master when no reload is under way: those
// that are to leave know it. A master that has just come has no others.
func settled(ctx context.Context, pid int) ([]worker, bool) {
	workers, seen := workersOf(pid)
	master, _ := workerAt(pid)
	until := time.Now().Add(2 * farewell)
	for !anyYounger([]worker{master}, farewell) && anyYounger(workers, farewell) && time.Now().Before(until) {
		select {
		case <-ctx.Done():
			return workers, seen
		case <-time.After(drainTick):
		}
		workers, seen = workersOf(pid)
	}
	return workers, seen
}
