package nginx

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// startTime is how long nginx may take to come up.
const startTime = 10 * time.Second

// StartGateway brings nginx up with the last confirmed table unless it runs with
// it.
func (g *Gateway) StartGateway(ctx context.Context) error {
	g.swap.Lock()
	defer g.swap.Unlock()
	err := g.start(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.problem = ""
	if err != nil {
		g.problem = "nginx does not run: " + err.Error()
	}
	return err
}

func (g *Gateway) start(ctx context.Context) error {
	if err := g.furnishAgain(); err != nil {
		return fmt.Errorf("nginx directory: %w", err)
	}
	pid, err := g.running(ctx)
	if err != nil {
		return err
	}
	if pid == 0 {
		if err := g.launch(ctx); err != nil {
			return err
		}
		if pid, err = g.Process.Master(ctx); err != nil {
			return err
		}
	}
	if g.meet(ctx, pid) {
		return nil
	}
	return g.renew(ctx, pid)
}

// running returns the master's pid. If there is none, somebody else must not have
// the port.
func (g *Gateway) running(ctx context.Context) (int, error) {
	pid, err := g.Process.Master(ctx)
	if err != nil || pid != 0 {
		return pid, err
	}
	if err := g.Process.Clear(ctx); err != nil {
		return 0, err
	}
	who := g.listener.taken()
	if who == "" {
		return 0, nil
	}
	// It may be nginx, restarted in this moment.
	if pid, err = g.Process.Master(ctx); err != nil || pid != 0 {
		return pid, err
	}
	return 0, errors.New(who)
}

// launch starts nginx with the last confirmed table. Which version comes up is
// known only afterwards: so what is on disk, if it is as either version would
// have it, and else what every version understands.
func (g *Gateway) launch(ctx context.Context) error {
	g.mu.Lock()
	last, full := g.confirmed, g.settings()
	g.mu.Unlock()
	plain := full
	full.MinTimeout, plain.MinTimeout = true, false
	if conf, err := Render(full, last.table, last.number); err != nil || sumOf(conf) != last.sum {
		return g.bringUp(ctx, plain, last)
	}
	err := g.bringUp(ctx, full, last)
	if err != nil && g.bringUp(ctx, plain, last) == nil {
		return nil
	}
	return err
}

// bringUp starts nginx with a generation, written anew if the settings are not
// those it was written with.
func (g *Gateway) bringUp(ctx context.Context, s Settings, next generation) error {
	conf, err := Render(s, next.table, next.number)
	if err != nil {
		return err
	}
	if at, ok := load(g.Dir, genName(next.number)); !ok || at.sum != sumOf(conf) {
		next.number = g.nextNumber(next.number)
		if conf, err = Render(s, next.table, next.number); err != nil {
			return err
		}
		if err := save(g.Dir, &next, conf); err != nil {
			return err
		}
	}
	if err := point(g.Dir, current, next.number); err != nil {
		return err
	}
	mark := g.logEnd()
	err = g.Process.Start(ctx, filepath.Join(g.Dir, current, confFile))
	if err == nil {
		err = g.await(ctx, next, time.Now().Add(startTime))
	}
	if err != nil {
		return g.explain(ctx, mark, err)
	}
	return nil
}

// renew has an nginx that runs with something else follow the last confirmed
// table, as it is written today. What its workers run with is not known.
func (g *Gateway) renew(ctx context.Context, pid int) error {
	if err := g.learn(ctx, pid); err != nil {
		return err
	}
	workers, seen := workersOf(pid)
	older := saved(g.Dir)
	g.mu.Lock()
	g.recall(older, workers, seen)
	last, settings := g.confirmed, g.settings()
	g.mu.Unlock()
	next := generation{number: g.nextNumber(last.number), table: last.table}
	rejected, took, err := g.stage(ctx, settings, &next, last)
	if err == nil {
		err = g.switchTo(ctx, next, last, confirmTime+3*took)
	}
	if err != nil && strings.Contains(err.Error(), "bind()") {
		err = fmt.Errorf("%w; nginx can't change how it listens while it runs: `%s`, and havn starts it anew", err, g.Process.Replace())
	}
	if err != nil {
		return err
	}
	g.reject(rejected)
	return nil
}

// explain adds nginx's own words to an error.
func (g *Gateway) explain(ctx context.Context, mark int64, err error) error {
	lines := g.logSince(mark)
	if len(lines) == 0 {
		lines, _ = g.Process.Logs(ctx)
	}
	if len(lines) == 0 {
		return err
	}
	return fmt.Errorf("%w: nginx says: %s", err, strings.Join(lines, "; "))
}
