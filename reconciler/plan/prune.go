package plan

import (
	"fmt"
	"slices"

	"havn.internal/spec"
)

// A revision may remove pruneFew services without asking, or a share of them
// that is not more than one in pruneShare. More looks like an accident.
const (
	pruneFew   = 2
	pruneShare = 3
)

// leavingViews are the services havn still runs and the site no longer wants.
func (m *maker) leavingViews() []*view {
	var names []string
	for _, c := range m.have.Containers {
		_, wanted := m.want.Services[c.Service]
		if !wanted && !slices.Contains(names, c.Service) {
			names = append(names, c.Service)
		}
	}
	slices.Sort(names)
	var out []*view
	for _, name := range names {
		v := &view{name: name, phase: Leaving, all: m.containersOf(name), routes: true}
		v.stale = v.all
		out = append(out, v)
	}
	return out
}

// prune removes the services that are not wanted any more, last: not before every other
// one is at its wanted, proven release; see removalsWait. What another service takes over
// stops earlier, and runs again if that fails.
func (m *maker) prune() {
	if n, all := len(m.leaving), len(m.leaving)+len(m.views); m.overBudget() {
		why := fmt.Sprintf("the revision removes %d of %d services, more than havn does unasked; "+
			"`havn prune` (or `havn apply --prune`) agrees to it", n, all)
		m.block("", why)
		for _, v := range m.leaving {
			v.phase = Stuck
			v.note("held: %s", why)
		}
		return
	}
	for _, v := range m.leaving {
		if m.awaited != "" {
			v.note("stays until %s has arrived", m.awaited)
			m.dropUnused(v)
			m.handOver(v)
			m.comeBack(v)
			continue
		}
		if user := m.neededNow(v.name); user != "" {
			v.note("stays until %s is gone, which needs it", user)
			continue
		}
		why := "the site does not want " + v.name
		for _, c := range v.all {
			switch {
			case m.busy(c) || c.State == Removing:
			case alive(c):
				m.stop(v, c, why)
			default:
				m.do(v.name, Remove{c.Name, c.ID}, why)
			}
		}
	}
}

// dropUnused removes what was created for a service and has never run: nothing is lost
// with it, and it would hold what others claim.
func (m *maker) dropUnused(v *view) {
	for _, c := range v.all {
		if c.State == Created && !m.busy(c) {
			m.do(v.name, Remove{c.Name, c.ID}, "the site does not want "+v.name)
		}
	}
}

// handOver stops the replicas of a service that another one takes something over from.
func (m *maker) handOver(v *view) {
	for _, c := range v.all {
		if by, claim := m.taken(c); by != nil && alive(c) && !m.busy(c) {
			m.stop(v, c, fmt.Sprintf("%s goes to %s", claim, by.name))
		}
	}
}

// comeBack starts the replicas again that were stopped for a service whose release has
// failed: those of the last good release, or of the newest.
func (m *maker) comeBack(v *view) {
	last, most := m.lastRun(v)
	if slices.ContainsFunc(v.all, func(c Container) bool { return c.Fingerprint != last && (alive(c) || m.busy(c)) }) {
		return // it had already gone on to another release
	}
	most -= count(v.all, func(c Container) bool { return alive(c) || m.busy(c) })
	for _, c := range v.all {
		taker, ok := m.returns(c)
		if !ok || c.Fingerprint != last || most <= 0 {
			continue
		}
		most--
		a := Start{Name: c.Name, Slot: c.Slot, Fingerprint: c.Fingerprint, Release: c.Release, Revision: c.Revision, Addr: c.Addr}
		m.do(v.name, a, fmt.Sprintf("%s failed, which it had stopped for", taker))
	}
}

// lastRun is the release that a leaving service ran last, and with how many replicas.
func (m *maker) lastRun(v *view) (spec.Fingerprint, int) {
	if good, ok := m.have.LastGood[v.name]; ok {
		return good.Fingerprint(m.have.Site), good.Service.Replicas
	}
	newest := slices.MaxFunc(v.all, func(a, b Container) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return newest.Fingerprint, newest.Release.Service.Replicas
}

// overBudget: more services would go than the prune budget allows.
func (m *maker) overBudget() bool {
	running := count(flatten(m.leaving), alive)
	leaving := len(m.leaving)
	if m.have.PruneAllowed || running == 0 {
		return false
	}
	return len(m.views) == 0 || leaving > pruneFew && leaving*pruneShare > leaving+len(m.views)
}

func flatten(views []*view) []Container {
	var out []Container
	for _, v := range views {
		out = append(out, v.all...)
	}
	return out
}
