package nginx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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
	g.mu.Lock()
	g.rejected = rejected
	g.mu.Unlock()
	if len(rejected) > 0 {
		return &apply.RejectedError{Locations: rejected, Applied: true}
	}
	return nil
}

// nextNumber is above every generation on disk: a number means one configuration.
func (g *Gateway) nextNumber(last int) int {
	for _, s := range saved(g.Dir) {
		last = max(last, s.number)
	}
	return last + 1
}

// stage writes the generation and has nginx test it. What nginx refuses is taken
// out of next.table.
func (g *Gateway) stage(ctx context.Context, s Settings, next *generation, last generation) (rejected map[string]string, took time.Duration, err error) {
	rejected = map[string]string{}
	good := plan.Table{}
	before := map[plan.LocationKey]plan.Location{}
	for _, l := range last.table.Locations {
		before[l.Key()] = l
	}
	leaveOut := func(l plan.Location, why string) {
		rejected[l.Hash()] = why
		if old, had := before[l.Key()]; had && old.Hash() != l.Hash() {
			old.Servers = l.Servers
			good.Locations = append(good.Locations, old)
		}
	}
	for _, l := range next.table.Locations {
		if _, err := Render(s, plan.Table{Locations: []plan.Location{l}}, 0); err != nil {
			leaveOut(l, err.Error())
		} else {
			good.Locations = append(good.Locations, l)
		}
	}
	good.Sort()
	next.table = good
	took, err = g.try(ctx, s, *next)
	if err == nil {
		return rejected, took, nil
	}
	culprits := g.culprits(ctx, s, *next, next.table.Locations)
	if len(culprits) == 0 || len(culprits) == len(next.table.Locations) && len(culprits) > 1 {
		return nil, took, err
	}
	kept := next.table
	good = plan.Table{}
	for _, l := range kept.Locations {
		if why, bad := culprits[l.Key()]; bad {
			leaveOut(l, why)
		} else {
			good.Locations = append(good.Locations, l)
		}
	}
	good.Sort()
	next.table = good
	took, err = g.try(ctx, s, *next)
	return rejected, took, err
}

// culprits finds the locations that nginx refuses, by halves.
func (g *Gateway) culprits(ctx context.Context, s Settings, next generation, among []plan.Location) map[plan.LocationKey]string {
	_, err := g.try(ctx, s, generation{number: next.number, table: plan.Table{Locations: among}})
	if err == nil {
		return nil
	}
	if len(among) == 1 {
		return map[plan.LocationKey]string{among[0].Key(): err.Error()}
	}
	out := g.culprits(ctx, s, next, among[:len(among)/2])
	for k, why := range g.culprits(ctx, s, next, among[len(among)/2:]) {
		if out == nil {
			out = map[plan.LocationKey]string{}
		}
		out[k] = why
	}
	return out
}

// try writes a generation and has nginx test it.
func (g *Gateway) try(ctx context.Context, s Settings, next generation) (time.Duration, error) {
	conf, err := Render(s, next.table, next.number)
	if err != nil {
		return 0, err
	}
	if err := save(g.Dir, next, conf); err != nil {
		return 0, err
	}
	begin := time.Now()
	out, err := g.Process.Test(ctx, filepath.Join(g.Dir, genName(next.number), confFile))
	took := time.Since(begin)
	switch {
	case err != nil && out == "":
		return took, fmt.Errorf("nginx -t: %w", err)
	case err != nil:
		return took, errors.New(firstProblem(out))
	case strings.Contains(out, "conflicting server name"):
		return took, errors.New(firstProblem(out))
	}
	return took, nil
}

// firstProblem is nginx's own line, without time, level and the file of ours.
func firstProblem(out string) string {
	for _, line := range strings.Split(out, "\n") {
		for _, level := range []string{"[emerg] ", "[alert] ", "[crit] ", "[error] ", "[warn] "} {
			if _, text, found := strings.Cut(line, level); found {
				if _, after, numbered := strings.Cut(text, ": "); numbered && strings.Contains(text[:len(text)-len(after)], "#") {
					text = after
				}
				return text
			}
		}
	}
	return strings.TrimSpace(out)
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
	noted := workersOf(pid)
	mark := g.logEnd()
	if err := point(g.Dir, current, next.number); err != nil {
		return err
	}
	deadline := time.Now().Add(within)
	if err = g.reload(ctx); err == nil {
		err = awaitGeneration(ctx, g.listener.probe, next, deadline)
	}
	if err == nil {
		awaitLeaving(ctx, noted, deadline)
	}
	if err != nil {
		err = g.explain(ctx, mark, err)
		return errors.Join(err, g.restore(context.WithoutCancel(ctx), last))
	}
	if err := point(g.Dir, confirmed, next.number); err != nil {
		return err
	}
	g.confirm(pid, next, noted)
	prune(g.Dir, next.number)
	return nil
}

// restore puts the last confirmed generation back on disk and has nginx read it:
// it may have taken the new one too late.
func (g *Gateway) restore(ctx context.Context, last generation) error {
	if last.number == 0 {
		return nil
	}
	if err := point(g.Dir, current, last.number); err != nil {
		return err
	}
	if err := g.reload(ctx); err != nil {
		return err
	}
	return awaitGeneration(ctx, g.listener.probe, last, time.Now().Add(confirmTime))
}

func (g *Gateway) reload(ctx context.Context) error {
	g.boundLog()
	return g.Process.Signal(ctx, syscall.SIGHUP)
}

// confirm records what changed with the new generation.
func (g *Gateway) confirm(pid int, next generation, old []worker) {
	now := time.Now()
	servers := next.table.Servers()
	g.mu.Lock()
	defer g.mu.Unlock()
	for a := range g.routed {
		if !servers[a] {
			delete(g.routed, a)
			g.drains[a] = &drain{since: now, workers: old}
		}
	}
	for a := range servers {
		if _, was := g.routed[a]; !was {
			g.routed[a] = now
		}
		delete(g.drains, a)
	}
	g.confirmed, g.master, g.problem = next, pid, ""
}

// maxLog bounds nginx's error log. nginx writes it in append mode, so it may be
// emptied in place.
const maxLog = 8 << 20

func (g *Gateway) logPath() string { return filepath.Join(g.Dir, "error.log") }

func (g *Gateway) boundLog() {
	if i, err := os.Stat(g.logPath()); err == nil && i.Size() > maxLog {
		if err := os.Truncate(g.logPath(), 0); err != nil {
			g.Log.Warn("can't bound nginx's error log", "err", err)
		}
	}
}

func (g *Gateway) logEnd() int64 {
	i, err := os.Stat(g.logPath())
	if err != nil {
		return 0
	}
	return i.Size()
}

// logSince returns the problems nginx logged after a mark.
func (g *Gateway) logSince(mark int64) []string {
	f, err := os.Open(g.logPath())
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Seek(mark, io.SeekStart); err != nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return nil
	}
	var out []string
	for _, line := range strings.Split(string(text), "\n") {
		if strings.Contains(line, "[emerg]") || strings.Contains(line, "[alert]") {
			out = append(out, firstProblem(line))
		}
	}
	return out
}
