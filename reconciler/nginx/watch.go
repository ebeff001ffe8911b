package nginx

import (
	"context"
	"time"
)

// How often the workers are looked at while an address drains: closely at first,
// when most drains end; and the master otherwise.
const (
	drainTick  = 25 * time.Millisecond
	closely    = 2 * time.Second
	longerTick = 250 * time.Millisecond
	idleTick   = 500 * time.Millisecond
)

// Watch calls wake when a drain ends or nginx's master goes, until ctx ends. It
// also bounds nginx's error log and the number of old workers.
func (g *Gateway) Watch(ctx context.Context, wake func()) {
	timer := time.NewTimer(idleTick)
	defer timer.Stop()
	var lost worker
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
		g.endOldWorkers(master)
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

// endOldWorkers keeps their number below the cap.
func (g *Gateway) endOldWorkers(master worker) {
	if master == (worker{}) {
		return
	}
	if n := endOldest(master.pid, g.OldWorkers); n > 0 {
		g.Log.Warn("too many old nginx workers are kept by long connections; the oldest were ended", "ended", n, "kept", g.OldWorkers)
	}
}
