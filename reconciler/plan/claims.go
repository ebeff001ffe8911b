package plan

import (
	"fmt"
	"slices"

	"havn.internal/spec"
)

// A holder is a replica that runs, or that something may be about to start, and so holds
// its claims. One that is being started for the first time is not to be seen yet.
type holder struct {
	Container
	// unseen: its start is in flight.
	unseen bool
}

// occupies: the replica holds its claims. One that was created may be about to be started
// by the engine, for a havn that ended in the middle of a start.
func (m *maker) occupies(c Container) bool { return alive(c) || m.busy(c) || c.State == Created }

// holders are the replicas that hold what the service claims, other than those of its
// target.
func (m *maker) holders(v *view) []holder {
	if !v.known || len(v.claims()) == 0 {
		return nil
	}
	var out []holder
	for _, c := range m.claimants {
		_, conflict := v.target.Service.Conflict(c.Release.Service)
		if conflict && !has(v.fresh, c.Container) && (c.unseen || m.occupies(c.Container)) &&
			(!c.unseen || c.Service != v.name || c.Fingerprint != v.fingerprint) {
			out = append(out, c)
		}
	}
	return out
}

func (v *view) claims() []spec.Claim { return v.target.Service.Claims() }

// findClaimants collects every replica whose release claims something. A service whose
// stale replicas hold what its target claims is replaced stop-first, whatever its strategy.
func (m *maker) findClaimants() {
	for _, name := range sortedKeys(m.have.Containers) {
		if c := m.have.Containers[name]; len(c.Release.Service.Claims()) > 0 {
			m.claimants = append(m.claimants, holder{Container: c})
		}
	}
	for _, key := range sortedKeys(m.have.InFlight) {
		s, isStart := m.have.InFlight[key].(Start)
		if _, seen := m.have.Containers[s.Name]; isStart && !seen {
			m.claim(s)
		}
	}
	for _, v := range m.views {
		own := func(h holder) bool { return h.Service == v.name }
		v.stopFirst = v.known && v.rollout().Strategy == spec.Recreate || slices.ContainsFunc(m.holders(v), own)
	}
}

// claim adds a replica that is being started.
func (m *maker) claim(s Start) {
	if len(s.Release.Service.Claims()) > 0 {
		c := Container{Name: s.Name, Service: s.Release.Service.Name, Fingerprint: s.Fingerprint, Release: s.Release, Addr: s.Addr}
		m.claimants = append(m.claimants, holder{c, true})
	}
}

// handOvers decides which services may begin to take over what others hold. A taker
// begins only when nothing else is in its way, and every holder either leaves the site,
// or is itself a taker that has to stop first; so services that swap what they hold begin
// together, and a holder that goes on to need its claim is never stopped.
func (m *maker) handOvers() {
	m.takers = map[string]bool{}
	for _, v := range m.views {
		m.takers[v.name] = m.readyToTake(v)
	}
	for changed := true; changed; {
		changed = false
		for _, v := range m.views {
			if m.takers[v.name] && !m.allYield(v) {
				m.takers[v.name], changed = false, true
			}
		}
	}
}

// readyToTake: the service lacks nothing but what others, or its own stale replicas, hold.
func (m *maker) readyToTake(v *view) bool {
	if !v.known || v.held || v.failed != "" || v.replicas() == 0 || !v.stopFirst && len(v.claims()) == 0 {
		return false
	}
	_, met := m.needsMet(v)
	return (met || v.proven) && m.able(v)
}

// able: nothing of the host is missing for the target, and what can be known beforehand is.
func (m *maker) able(v *view) bool {
	return m.missing(v.target.Service) == "" && (!m.mustPrepare(v) || m.prepared(v))
}

// allYield: each replica that holds what the service claims is going to stop.
func (m *maker) allYield(v *view) bool {
	for _, h := range m.holders(v) {
		// A service whose wanted release is not known yet takes nothing for an old one.
		if h.Service != v.name && (v.unresolved || !m.yields(h, v)) {
			return false
		}
	}
	return true
}

// yields: the holder's service stops it without any further condition, or can't go on
// before the taker is ready.
func (m *maker) yields(h holder, taker *view) bool {
	if h.unseen {
		return false
	}
	if _, leaves := m.leavingView(h.Service); leaves {
		return !m.overBudget()
	}
	v := m.viewOf(h.Service)
	switch {
	case v == nil || !v.known || v.held || has(v.fresh, h.Container):
		return false
	case v.replicas() == 0, !alive(h.Container):
		return true
	case m.takers[v.name] && m.mustStopFirst(v):
		return true
	}
	return v.verdict == "" && !v.unresolved && m.able(v) && m.waitsOn(v, taker.name, nil)
}

// waitsOn: the service can't go on before another one does: it needs that, or would hold
// what a replica of that holds, or waits on one that does.
func (m *maker) waitsOn(v *view, name string, seen []string) bool {
	on := slices.Clone(v.target.Service.Needs)
	for _, h := range m.holders(v) {
		if h.Service != v.name {
			on = append(on, h.Service)
		}
	}
	seen = append(seen, v.name)
	return slices.ContainsFunc(on, func(other string) bool {
		o := m.viewOf(other)
		return other == name || o != nil && !slices.Contains(seen, other) && m.waitsOn(o, name, seen)
	})
}

// taken: the replica has to stop for a service that takes over what it holds. It returns
// that service.
func (m *maker) taken(c Container) (by *view, claim spec.Claim) {
	if len(c.Release.Service.Volumes)+len(c.Release.Service.Ports) == 0 {
		return nil, spec.Claim{}
	}
	for _, v := range m.views {
		if v.name == c.Service || !m.takers[v.name] {
			continue
		}
		if claim, conflict := v.target.Service.Conflict(c.Release.Service); conflict && m.lacksReplicas(v) {
			return v, claim
		}
	}
	return nil, spec.Claim{}
}

// isTaken: see [maker.taken].
func (m *maker) isTaken(c Container) bool {
	by, _ := m.taken(c)
	return by != nil
}

// yieldsNow: the replica, which is not of the service's target, is taken, or goes so that
// another service has back what it gave up.
func (m *maker) yieldsNow(v *view, c Container) bool {
	return !has(v.fresh, c) && (m.isTaken(c) || v.givesBack && c.Fingerprint == v.wantedPrint)
}

func (m *maker) lacksReplicas(v *view) bool {
	return count(v.fresh, func(c Container) bool { return alive(c) || m.busy(c) }) < v.replicas()
}

// mustStopFirst: a replica of the service has to stop before one of its target can start.
func (m *maker) mustStopFirst(v *view) bool {
	return v.known && v.stopFirst && slices.ContainsFunc(v.stale, alive)
}

// mustPrepare: something has to stop before the target can start, so what can be known
// beforehand is asked before that.
func (m *maker) mustPrepare(v *view) bool {
	if !v.known || v.replicas() == 0 || !m.lacksReplicas(v) {
		return false
	}
	return m.mustStopFirst(v) || len(m.holders(v)) > 0
}

// prepared: the containers of the target are there, so the engine takes them as they are.
func (m *maker) prepared(v *view) bool {
	return len(v.fresh) >= v.toPrepare() && !slices.ContainsFunc(v.fresh, m.busy)
}

// toPrepare is how many replicas are created beforehand: all that will start at once.
func (v *view) toPrepare() int {
	if v.stopFirst {
		return v.replicas()
	}
	return 1
}

// waitsForClaims: others hold what a replica of the target would. It says who.
func (m *maker) waitsForClaims(v *view) bool {
	for _, h := range m.holders(v) {
		if h.Service == v.name {
			continue
		}
		claim, _ := v.target.Service.Conflict(h.Release.Service)
		why := fmt.Sprintf("waits for %s, which %s holds", claim, h.Name)
		if reason := m.keepsHolding(h); reason != "" {
			why += ": " + reason
			m.block(v.name, why)
		}
		v.phase = Waiting
		v.note("%s", why)
		m.wait(v.name, ForNeed, m.now.Add(relook), why)
		return true
	}
	return false
}

// keepsHolding is why a holder does not give up its claim by itself, "" if it will.
func (m *maker) keepsHolding(h holder) string {
	v := m.viewOf(h.Service)
	switch {
	case v == nil && m.overBudget():
		return "its removal is held"
	case v == nil:
		return ""
	case v.verdict != "":
		return fmt.Sprintf("the new release of %s is condemned", v.name)
	case v.known && has(v.fresh, h.Container) && v.fingerprint == v.wantedPrint:
		return fmt.Sprintf("the site wants %s to hold it", v.name)
	}
	return ""
}

func (m *maker) viewOf(service string) *view { return m.named[service] }

func (m *maker) leavingView(service string) (*view, bool) {
	i := slices.IndexFunc(m.leaving, func(v *view) bool { return v.name == service })
	if i < 0 {
		return nil, false
	}
	return m.leaving[i], true
}
