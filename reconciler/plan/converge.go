package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"havn.internal/spec"
)

// relook is when to look again at what no event announces.
const relook = 10 * time.Second

// converge moves the replicas of one service towards its target.
func (m *maker) converge(v *view) {
	if v.verdict != "" {
		v.note("release %s is condemned: %s", v.wantedPrint.Short(), v.verdict)
		m.block(v.name, v.verdict)
	}
	if v.held {
		return
	}
	if v.known {
		m.start(v)
		m.watch(v)
	}
	if v.known && v.replicas() == 0 && slices.ContainsFunc(v.all, alive) && m.staysForNeeds(v) {
		v.note("stays until %s is gone, which needs it", m.neededNow(v.name))
	}
	m.retire(v)
	m.settlePhase(v)
	m.persist(v)
}

// persist notes whether the service tries in vain, and for how long. A release on trial is
// condemned at the end of that; a proven one is tried on, and a person told.
func (m *maker) persist(v *view) {
	lacks := v.known && v.replicas() > 0 && v.failed == "" && count(v.fresh, m.ready) < v.replicas()
	waits := slices.ContainsFunc(m.waits[v.name], func(w Wait) bool {
		return w.For == ForNeed || w.For == ForDrain || w.For == ForWatch
	})
	// What a person has to end is not given up, unless that is the way back from an outage.
	person := v.phase == Stuck && (count(v.all, m.ready) > 0 || !slices.ContainsFunc(v.stale, usable))
	v.trying = lacks && !waits && !person && !v.unresolved && m.missing(v.target.Service) == "" && !slices.ContainsFunc(v.stale, m.busy)
	since, tries := m.have.Trying[VerdictKey{v.name, v.fingerprint}]
	deadline := v.progressDeadline()
	if !v.trying || !tries || deadline <= 0 {
		return
	}
	if end := since.Add(deadline); m.now.Before(end) {
		if !slices.ContainsFunc(m.waits[v.name], func(w Wait) bool { return w.Until.Before(end) }) {
			m.wait(v.name, ForReady, end, "until it has to make progress: "+m.stuckWith(v))
		}
		return
	}
	v.stalled = true
	m.block(v.name, fmt.Sprintf("no progress for %s: %s; it is tried again and again", deadline, m.stuckWith(v)))
}

func (m *maker) wantedFingerprint(v *view) spec.Fingerprint {
	return m.releaseOf(v.wanted).Fingerprint(m.have.Site)
}

// releaseOf is the release that a service of the site stands for, as far as its image is known.
func (m *maker) releaseOf(s spec.Service) spec.Release {
	return spec.Release{Service: s, ImageID: m.have.Images[s.Image].ID}
}

// settlePhase names where the service is, unless something more telling has
// been said.
func (m *maker) settlePhase(v *view) {
	if v.phase != Converged {
		return
	}
	_, complete := m.complete(v)
	leftovers := slices.ContainsFunc(v.stale, func(c Container) bool { return alive(c) || !m.keptForLogs(v, c) })
	switch {
	case v.known && !v.proven && v.replicas() > 0:
		v.phase = RollingOut
	case v.known && !complete && v.replicas() > 0:
		v.phase = Healing
		m.awaitProbes(v)
	case leftovers || len(v.fresh) > v.replicas():
		v.phase = RollingOut
	}
}

// awaitProbes waits for the first probe of each replica.
func (m *maker) awaitProbes(v *view) {
	for _, c := range v.fresh {
		if c.Unprobed() {
			m.wait(v.name, ForReady, m.now.Add(relook), c.Name+" has not been probed yet")
		}
	}
}

// keep are the replicas of the target that stay: as many as wanted, ready ones
// first.
func (m *maker) keep(v *view) []Container {
	order := slices.Clone(v.fresh)
	slices.SortStableFunc(order, func(a, b Container) int {
		return cmp.Or(routedFirst(m.ready(a), m.ready(b)), routedFirst(alive(a), alive(b)), cmp.Compare(a.Slot, b.Slot))
	})
	return order[:min(v.replicas(), len(order))]
}

// start starts what the target lacks and the surge has room for.
func (m *maker) start(v *view) {
	need, room := m.lack(v)
	first := m.mustPrepare(v)
	if v.failed != "" || need <= 0 && !first || !m.mayStart(v) {
		return
	}
	if first && !m.prepared(v) {
		m.prepare(v)
		return
	}
	if m.waitsForNeeds(v) || m.waitsForClaims(v) || need <= 0 || m.waitsForRepair(v) {
		return
	}
	for _, slot := range m.slots(v) {
		made := m.created(v, slot)
		if need <= 0 || room <= 0 && !made || !m.startSlot(v, slot) {
			continue
		}
		need--
		if !made {
			room--
		}
	}
}

// created: the slot's container is there and has not run. Docker may be about to
// start it, for a havn that ended meanwhile, so it has its room already.
func (m *maker) created(v *view, slot int) bool {
	c, exists := m.have.Containers[ContainerName(v.name, v.fingerprint, slot)]
	return exists && c.State == Created && usable(c)
}

// lack is how many replicas of the target are missing, and how many more may
// run. A proven release also needs one in place of each unhealthy replica; one on
// trial does not get another try.
func (m *maker) lack(v *view) (need, room int) {
	n := v.replicas()
	up := func(c Container) bool { return alive(c) || m.busy(c) }
	takesRoom := func(c Container) bool { return up(c) || c.State == Created }
	all, same := m.coming(v.name, v.fingerprint)
	need = n - count(v.fresh, up) - same
	if v.proven {
		need += count(v.fresh, func(c Container) bool { return up(c) && m.givenUp(v, c) })
	}
	if !v.stopFirst {
		return need, n + v.rollout().Surge - count(v.all, takesRoom) - all
	}
	if count(v.stale, takesRoom) > 0 || all > same {
		return 0, 0 // not even one that is there: two would run at once
	}
	return need, n - count(v.fresh, takesRoom) - same
}

// givenUp: the replica is unhealthy and has had its time to come up; another has to
// do its work. That time is also what keeps havn from replacing, again and again, a
// replica that falls ill as soon as it has work.
func (m *maker) givenUp(v *view, c Container) bool {
	if !c.Health.Unhealthy {
		return false
	}
	until := c.StartedAt.Add(v.readyWithin(c))
	if m.now.Before(until) {
		m.wait(v.name, ForReady, until, c.Name+" is unhealthy: "+c.Health.Last)
		return false
	}
	return true
}

// mayStart: the machine does not refuse the target, and nothing of the host is missing.
func (m *maker) mayStart(v *view) bool {
	if why := m.refused(v.target.Service); len(why) > 0 {
		v.phase = Stuck
		m.blockAll(v.name, why)
		return false
	}
	what := m.missing(v.target.Service)
	if what == "" {
		return true
	}
	v.phase = Waiting
	v.note("waits for %s", what)
	return false
}

// slots are those a replica of the target may take: enough for all replicas, the
// surge, and as many containers that are in the way. Those that have a container
// come first.
func (m *maker) slots(v *view) []int {
	last := v.replicas() + max(1, v.rollout().Surge) + len(v.all)
	var made, free []int
	for slot := 1; slot <= last; slot++ {
		if _, exists := m.have.Containers[ContainerName(v.name, v.fingerprint, slot)]; exists {
			made = append(made, slot)
		} else {
			free = append(free, slot)
		}
	}
	return append(made, free...)
}

// startSlot starts the replica of one slot if it does not run. It reports whether
// the slot will hold a replica that was not there.
func (m *maker) startSlot(v *view, slot int) bool {
	name := ContainerName(v.name, v.fingerprint, slot)
	c, exists := m.have.Containers[name]
	if exists && (alive(c) || !usable(c)) || m.have.InFlight[Start{Name: name}.Key()] != nil {
		return false
	}
	if a, free := m.newStart(v, slot, c, exists); free {
		if m.do(v.name, a, m.startReason(v, exists && c.State != Created)) {
			m.claim(a)
		}
	}
	return true
}

// newStart is the start of the replica of a slot; false if its name or an address can't be
// had.
func (m *maker) newStart(v *view, slot int, c Container, exists bool) (a Start, ok bool) {
	name := ContainerName(v.name, v.fingerprint, slot)
	if owner, taken := m.have.Taken[name]; taken {
		v.phase = Stuck
		m.block(v.name, fmt.Sprintf("the container name %s is taken by %s, which havn does not own; remove or rename it", name, owner))
		return a, false
	}
	addr := c.Addr
	if !exists {
		free := false
		if addr, free = m.address(); !free {
			v.phase = Stuck
			m.block(v.name, fmt.Sprintf("no address is free in %s; choose a larger --subnet", m.have.Network.Fixed))
			return a, false
		}
	}
	return Start{Name: name, Slot: slot, Fingerprint: v.fingerprint, Release: v.target, Revision: m.want.Revision, Addr: addr}, true
}

// prepare creates the containers of the target before anything is stopped for them.
func (m *maker) prepare(v *view) {
	lack := v.toPrepare() - len(v.fresh)
	if _, room := m.lack(v); !v.stopFirst {
		lack = min(lack, room)
	}
	for _, slot := range m.slots(v) {
		name := ContainerName(v.name, v.fingerprint, slot)
		if _, exists := m.have.Containers[name]; exists || lack <= 0 {
			continue
		}
		lack--
		if m.have.InFlight[Start{Name: name}.Key()] != nil {
			continue
		}
		if a, free := m.newStart(v, slot, Container{}, false); free {
			m.do(v.name, Prepare{a}, "to be there before "+m.inTheWay(v)+" stops")
		}
	}
}

// inTheWay names a replica that has to stop before one of the target can start.
func (m *maker) inTheWay(v *view) string {
	for _, c := range v.stale {
		if alive(c) {
			return c.Name
		}
	}
	for _, h := range m.holders(v) {
		return h.Name
	}
	return "the old one"
}

func (m *maker) startReason(v *view, exists bool) string {
	running := count(v.fresh, alive)
	switch {
	case exists:
		return "it does not run"
	case len(v.all) == 0:
		return fmt.Sprintf("0 of %d replicas run", v.replicas())
	case running >= v.replicas():
		for _, c := range v.fresh {
			if m.givenUp(v, c) {
				return fmt.Sprintf("in place of %s, which is unhealthy: %s", c.Name, c.Health.Last)
			}
		}
	}
	for _, c := range v.stale {
		if c.Fingerprint == v.fingerprint && !usable(c) && alive(c) {
			return fmt.Sprintf("in place of %s: %s", c.Name, cmp.Or(c.Drift, "it is "+string(c.State)))
		}
	}
	if old := m.newestStale(v); old != nil && v.verdict == "" {
		return Difference(old.Release, v.target)
	}
	return fmt.Sprintf("%d of %d replicas run", running, v.replicas())
}

func (m *maker) newestStale(v *view) *Container {
	var newest *Container
	for _, c := range v.stale {
		if c.Fingerprint != v.fingerprint && !m.condemned(c) && (newest == nil || c.CreatedAt.After(newest.CreatedAt)) {
			newest = &c
		}
	}
	return newest
}
