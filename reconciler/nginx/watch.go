package nginx

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"syscall"
	"time"
)

// How often the workers are looked at while an address drains: closely at first,
// when most drains end; and the master otherwise.
const (
	drainTick  = 25 * time.Millisecond
	closely    = 2 * time.Second
	longerTick = 250 * time.Millisecond
	idleTick   = time.Second
)

// oldTick is how often the old workers are counted. They count only after a request's
// longest time.
const oldTick = 10 * time.Second

// Watch calls wake when a drain ends or nginx's master goes, until ctx ends. It
// also bounds nginx's error log and the number of old workers.
func (g *Gateway) Watch(ctx context.Context, wake func()) {
	timer := time.NewTimer(idleTick)
	defer timer.Stop()
	var lost worker
	var counted time.Time
	since := map[worker]time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		g.mu.Lock()
		master := g.master
		ended := g.drains.update(now, g.limits())
		next := tickFor(g.drains, now)
		g.mu.Unlock()
		if master != (worker{}) && master != lost && !master.alive() {
			lost, ended = master, true
		}
		if ended {
			wake()
		}
		if next == idleTick && g.swap.TryLock() {
			g.boundLogs()
			g.swap.Unlock()
		}
		if master.pid != 0 && now.Sub(counted) >= min(oldTick, g.RequestLimit) {
			counted = now
			g.endOldWorkers(master, since, now)
		}
		if next == idleTick {
			// On the full second, as probes are: an idle havn sleeps in between.
			next = now.Truncate(idleTick).Add(idleTick).Sub(now)
		}
		timer.Reset(next)
	}
}

func tickFor(ds drains, now time.Time) time.Duration {
	age, pending := ds.youngest(now)
	switch {
	case !pending:
		return idleTick
	case age < closely:
		return drainTick
	}
	return longerTick
}

// endOldWorkers ends the workers that have been leaving longest, until no more
// than the cap are left: each holds memory, and one WebSocket can keep it for
// long. One that has only just been told is not among them. since is when each
// was first seen leaving.
func (g *Gateway) endOldWorkers(master worker, since map[worker]time.Time, now time.Time) {
	all, _ := workersOf(master.pid)
	old := leavingOf(all)
	maps.DeleteFunc(since, func(w worker, _ time.Time) bool { return !slices.Contains(old, w) })
	for _, w := range old {
		if since[w].IsZero() {
			since[w] = now
		}
	}
	old = slices.DeleteFunc(old, func(w worker) bool { return now.Sub(since[w]) < g.RequestLimit })
	if len(old) <= g.OldWorkers {
		return
	}
	slices.SortFunc(old, func(a, b worker) int { return cmp.Compare(a.started, b.started) })
	old = old[:len(old)-g.OldWorkers]
	for _, w := range old {
		_ = syscall.Kill(w.pid, syscall.SIGTERM)
	}
	g.Log.Warn("too many old nginx workers are kept by long connections; the oldest were ended", "ended", len(old), "kept", g.OldWorkers)
}
