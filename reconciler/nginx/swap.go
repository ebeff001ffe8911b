package nginx

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"syscall"
	"time"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/plan"
)

// confirmTime is how long nginx may take to answer with a new generation, and
// then three times as long as it took to test it.
const confirmTime = 5 * time.Second

// SetRoutes makes nginx follow a table, and returns when nginx itself has said
// that it does. Locations that nginx refuses are left out, or stay as they were
// confirmed, and are named in the [apply.RejectedError]; the others are in force.
// With any other error the last confirmed generation is in force, and on disk.
func (g *Gateway) SetRoutes(ctx context.Context, t plan.Table) error {
	g.swap.Lock()
	defer g.swap.Unlock()
	g.mu.Lock()
	last, settings := g.confirmed, g.settings()
	g.mu.Unlock()
	if t.Hash() == last.table.Hash() {
		return nil
	}
	next := generation{number: g.nextNumber(last.number), table: t}
	rejected, took, err := g.stage(ctx, settings, &next, last)
	if err != nil {
		return err
	}
	if next.table.Hash() != last.table.Hash() {
		if err := g.switchTo(ctx, next, last, confirmTime+3*took); err != nil {
			return err
		}
	}
	g.reject(rejected)
	if len(rejected) > 0 {
		return &apply.RejectedError{Locations: rejected, Applied: true}
	}
	return nil
}

// maxRejected bounds what is remembered of locations that were refused.
const maxRejected = 1000

// reject remembers the locations that are not in force, and why: they are not in
// the tables that come next, and must not be tried with each.
func (g *Gateway) reject(rejected map[string]string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.rejected)+len(rejected) > maxRejected {
		clear(g.rejected)
	}
	maps.Copy(g.rejected, rejected)
}

// nextNumber is above every generation on disk: a number means one configuration. It
// makes room for it.
func (g *Gateway) nextNumber(last int) int {
	for _, n := range numbers(g.Dir) {
		last = max(last, n)
	}
	g.prune(last + 1)
	return last + 1
}

// switchTo has nginx read a tested generation, and waits until it answers with
// it. Otherwise the last one is put back.
func (g *Gateway) switchTo(ctx context.Context, next, last generation, within time.Duration) error {
	pid, err := g.Process.Master(ctx)
	if err != nil {
		return err
	}
	if pid == 0 {
		return errors.New("nginx does not run")
	}
	mark := g.logEnd()
	if err := point(g.Dir, current, next.number); err != nil {
		return err
	}
	old, seen := workersOf(pid)
	deadline := time.Now().Add(within)
	if err = g.reload(ctx); err == nil {
		err = g.await(ctx, next, deadline)
	}
	if err == nil {
		awaitLeaving(ctx, old, deadline)
	}
	if err != nil {
		err = g.explain(ctx, mark, err)
		return errors.Join(err, g.restore(context.WithoutCancel(ctx), next, last))
	}
	g.confirm(pid, next, old, !seen)
	return point(g.Dir, confirmed, next.number)
}

// restore puts the last confirmed generation back on disk and has nginx read it:
// it may have taken the new one too late, and then it has sent requests to its
// servers.
func (g *Gateway) restore(ctx context.Context, failed, last generation) error {
	if last.number == 0 {
		return nil
	}
	g.mu.Lock()
	workers, seen := workersOf(g.master.pid)
	for a := range failed.table.Servers() {
		if _, routed := g.routed[a]; !routed {
			g.drains[a] = &drain{since: time.Now(), workers: workers, unseen: !seen}
		}
	}
	g.mu.Unlock()
	err := point(g.Dir, current, last.number)
	if err == nil {
		err = g.reload(ctx)
	}
	if err == nil {
		err = g.await(ctx, last, time.Now().Add(confirmTime))
	}
	if err != nil {
		// What is in force is not known until nginx is asked again.
		g.mu.Lock()
		g.master = worker{}
		g.mu.Unlock()
		return fmt.Errorf("put generation %d back: %w", last.number, err)
	}
	return nil
}

func (g *Gateway) reload(ctx context.Context) error {
	g.boundLogs()
	return g.Process.Signal(ctx, syscall.SIGHUP)
}

// confirm records what changed with the new generation.
func (g *Gateway) confirm(pid int, next generation, old []worker, unseen bool) {
	now := time.Now()
	servers := next.table.Servers()
	g.mu.Lock()
	defer g.mu.Unlock()
	for a := range g.routed {
		if !servers[a] {
			g.drains[a] = &drain{since: now, workers: old, unseen: unseen}
		}
	}
	g.take(next)
	g.master, _ = workerAt(pid)
	g.master.pid, g.problem = pid, ""
}
