package model

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"havn.internal/reconciler/plan"
)

// What nginx takes to start, to read a new configuration, and its old workers to
// leave.
const (
	nginxStart   = 200 * time.Millisecond
	nginxReload  = 60 * time.Millisecond
	workersLeave = 100 * time.Millisecond
)

// keepGenerations is how many are on disk at least, as those of the real one are.
const keepGenerations = 8

// A generation is one configuration.
type generation struct {
	number int
	table  plan.Table
}

// A worker is those workers of nginx that still run an older configuration.
type worker struct {
	table plan.Table
	since time.Time
	until time.Time
	// held is the replica whose long connections keep the worker.
	held netip.Addr
}

// A drain is an address that left the table.
type drain struct {
	since   time.Time
	workers []*worker
	// unseen: a new havn does not know the workers yet.
	unseen bool
}

// nginx is the program, its files, and what havn's nginx package remembers.
type nginx struct {
	running bool
	// active is what the program does; pending is a reload that is under way.
	active    generation
	pending   *generation
	switchAt  time.Time
	restartAt time.Time
	workers   []*worker

	// confirmed, and saved, the newest generations and those that name somebody who
	// is not drained, are on disk.
	confirmed generation
	saved     []generation

	// known: the running program has confirmed the generation to this havn.
	known    bool
	routed   map[netip.AddrPort]time.Time
	drains   map[netip.AddrPort]*drain
	rejected map[string]string
	problem  string
	// busy is why the port can't be had.
	busy string
	// hold and holdFor keep the workers of the next reload.
	hold    netip.Addr
	holdFor time.Duration
}

func newNginx() nginx {
	return nginx{routed: map[netip.AddrPort]time.Time{}, drains: map[netip.AddrPort]*drain{}, rejected: map[string]string{}}
}

// seed makes it as it was observed.
func (n *nginx) seed(g plan.Gateway, now time.Time) {
	n.confirmed = generation{g.Generation, g.Table}
	n.active, n.running, n.known = n.confirmed, g.Running, g.Running
	n.saved = []generation{n.confirmed}
	maps.Copy(n.routed, g.Routed)
	for a, d := range g.Unrouted {
		w := &worker{since: d.Since, until: now.Add(workersLeave)}
		n.drains[a] = &drain{since: d.Since}
		if !d.Done {
			n.workers = append(n.workers, w)
			n.drains[a].workers = []*worker{w}
		}
	}
	maps.Copy(n.rejected, g.Rejected)
	n.problem = g.Problem
}

// forget drops what was in havn's memory.
func (n *nginx) forget(now time.Time) {
	n.known, n.problem = false, ""
	n.routed, n.drains, n.rejected = map[netip.AddrPort]time.Time{}, map[netip.AddrPort]*drain{}, map[string]string{}
	for a := range n.confirmed.table.Servers() {
		n.routed[a] = now
	}
	n.recall(nil, false, now)
}

// recall has everybody whom an older generation names, and the one in force does not,
// drain with the workers. Until those are seen any might be there.
func (n *nginx) recall(workers []*worker, seen bool, now time.Time) {
	if seen {
		maps.DeleteFunc(n.drains, func(_ netip.AddrPort, d *drain) bool { return d.unseen })
	}
	if seen && len(workers) == 0 {
		return
	}
	for _, g := range n.saved {
		for a := range g.table.Servers() {
			if _, routed := n.routed[a]; !routed && n.drains[a] == nil {
				n.drains[a] = &drain{since: now, workers: workers, unseen: !seen}
			}
		}
	}
}

// due is what nginx does next by itself.
func (n *nginx) due(h *Host) (time.Time, func(time.Time)) {
	switch {
	case !n.switchAt.IsZero() && (n.restartAt.IsZero() || n.switchAt.Before(n.restartAt)):
		return n.switchAt, func(now time.Time) { h.doSwitch(now) }
	case !n.restartAt.IsZero():
		return n.restartAt, func(now time.Time) {
			n.restartAt, n.running = time.Time{}, true
			h.touchRouted(now)
		}
	}
	return time.Time{}, nil
}

// doSwitch is the moment from which new requests follow the pending generation.
func (h *Host) doSwitch(now time.Time) {
	n := &h.nginx
	if n.pending == nil {
		n.switchAt = time.Time{}
		return
	}
	old := &worker{table: n.active.table, since: now, until: now.Add(workersLeave), held: n.hold}
	if n.holdFor > 0 {
		old.until = now.Add(n.holdFor)
	}
	n.workers = append(n.workers, old)
	before := n.active.table
	n.active, n.pending = *n.pending, nil
	n.switchAt, n.hold, n.holdFor = time.Time{}, netip.Addr{}, 0
	h.switched(before, now)
	h.touchRouted(now)
}

// touchRouted lets the replicas that take requests now know.
func (h *Host) touchRouted(now time.Time) {
	for _, name := range h.names() {
		if c := h.containers[name]; h.nginx.sends(c.Addr) {
			c.routed(now)
		}
	}
}

// sends: new requests go to the address while it answers.
func (n *nginx) sends(a netip.Addr) bool {
	if !n.running {
		return false
	}
	for s := range n.active.table.Primaries() {
		if s.Addr() == a {
			return true
		}
	}
	return false
}

// leaving are the old workers that have not ended.
func (n *nginx) leaving(now time.Time) []*worker {
	var out []*worker
	for _, w := range n.workers {
		if w.until.After(now) {
			out = append(out, w)
		}
	}
	return out
}

// done: nothing can be on its way to the address any more.
func (d *drain) done(a netip.AddrPort, now time.Time, limit time.Duration) bool {
	if d.unseen {
		return false
	}
	for _, w := range d.workers {
		quiet := w.held.IsValid() && w.held != a.Addr() && !now.Before(d.since.Add(limit))
		if w.until.After(now) && !quiet {
			return false
		}
	}
	return true
}

// visible are the times at which a drain may end.
func (n *nginx) visible(limit time.Duration) []time.Time {
	var out []time.Time
	for _, d := range n.drains {
		for _, w := range d.workers {
			out = append(out, w.until)
			if w.held.IsValid() {
				out = append(out, d.since.Add(limit))
			}
		}
	}
	return out
}

// save keeps a generation, and those before it that are on disk still.
func (n *nginx) save(next generation, now time.Time, limit time.Duration) {
	n.saved = slices.DeleteFunc(append(slices.Clone(n.saved), next), func(g generation) bool {
		if g.number > next.number-keepGenerations {
			return false
		}
		for a := range g.table.Servers() {
			if d := n.drains[a]; d != nil && !d.done(a, now, limit) {
				return false
			}
		}
		return true
	})
}

// recognise takes the running program for ours if it is in a generation that is
// on disk: one that was switched to when havn ended is in force. Its old workers
// may mean anybody an older generation names.
func (n *nginx) recognise(now time.Time) {
	if n.known || !n.running || n.pending != nil || !slices.ContainsFunc(n.saved, func(g generation) bool { return g.number == n.active.number }) {
		return
	}
	if n.active.number != n.confirmed.number {
		n.confirm(n.active, n.leaving(now), now)
	}
	n.known, n.problem = true, ""
	n.recall(n.leaving(now), true, now)
}

// confirm records what changed with a generation.
func (n *nginx) confirm(g generation, old []*worker, now time.Time) {
	servers := g.table.Servers()
	for a := range n.routed {
		if !servers[a] {
			delete(n.routed, a)
			n.drains[a] = &drain{since: now, workers: old}
		}
	}
	for a := range servers {
		if _, was := n.routed[a]; !was {
			n.routed[a] = now
		}
		delete(n.drains, a)
	}
	n.confirmed, n.known, n.problem = g, true, ""
}
