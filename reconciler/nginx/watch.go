package nginx

import (
	"context"
	"time"
)

// How often the workers are looked at while an address drains, and the master
// otherwise.
const (
	drainTick = 25 * time.Millisecond
	idleTick  = 500 * time.Millisecond
)

// Watch calls wake when a drain ends or nginx's master goes, until ctx ends.
func (g *Gateway) Watch(ctx context.Context, wake func()) {
	timer := time.NewTimer(idleTick)
	defer timer.Stop()
	lost := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		g.mu.Lock()
		master := g.master
		ended := g.drains.update(time.Now(), g.RequestLimit)
		next := idleTick
		if g.drains.pending() {
			next = drainTick
		}
		g.mu.Unlock()
		if _, alive := workerAt(master); master != 0 && !alive && lost != master {
			lost, ended = master, true
		}
		if ended {
			wake()
		}
		timer.Reset(next)
	}
}
