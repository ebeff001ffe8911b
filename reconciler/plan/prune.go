package plan

import (
	"fmt"
	"slices"
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

// prune removes the services that are not wanted any more, last: not while
// another service is on its way, since its release may yet fail.
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
	for _, v := range m.views {
		if v.phase == RollingOut || v.phase == Watching {
			for _, l := range m.leaving {
				l.note("stays until %s has arrived", v.name)
			}
			return
		}
	}
	for _, v := range m.leaving {
		for _, c := range v.all {
			switch {
			case m.busy(c) || c.State == Removing:
			case alive(c):
				m.stop(v, c, "the site does not want "+v.name)
			default:
				m.do(v.name, Remove{c.Name, c.ID}, "the site does not want "+v.name)
			}
		}
	}
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
