package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"havn.internal/spec"
)

// recreating: the service is replaced stop-first, something is in the way of its
// target, and everything it needs to come back is there; so its outage may begin.
func (m *maker) recreating(v *view) bool { return m.mustStopFirst(v) && m.takers[v.name] }

// retire ends the replicas that are not needed any more, never one that the
// gateway may still send a request to.
func (m *maker) retire(v *view) {
	for _, c := range v.stale {
		if !alive(c) && !m.busy(c) {
			m.removeStopped(v, c)
		}
	}
	for _, c := range m.dispensable(v) {
		m.stop(v, c, m.staleReason(v, c))
	}
	m.scaleDown(v)
	m.restartUnhealthy(v)
}

// scaleDown ends replicas of the target beyond the wanted number, once those
// that stay are ready.
func (m *maker) scaleDown(v *view) {
	keep := m.keep(v)
	if !v.known || count(keep, m.ready) < v.replicas() || v.replicas() == 0 && m.staysForNeeds(v) {
		return
	}
	why := fmt.Sprintf("the site wants %d of it", v.replicas())
	for _, c := range v.fresh {
		switch {
		case m.busy(c) || has(keep, c):
		case alive(c):
			m.stop(v, c, why)
		default:
			m.do(v.name, Remove{c.Name, c.ID}, why)
		}
	}
}

// dispensable are the running stale replicas the service can do without now:
// all but the warm ones when the target is complete, and before that those that
// failed and as many as the target needs the room of.
func (m *maker) dispensable(v *view) []Container {
	_, complete := m.complete(v)
	warm := m.warm(v)
	var now, later []Container
	for _, c := range v.stale {
		switch {
		case !alive(c) || m.busy(c) || has(v.serve, c) || v.held || c.Unprobed() && !m.condemned(c):
		case !v.known:
			if m.condemned(c) {
				now = append(now, c)
			}
		case v.replicas() == 0 && m.staysForNeeds(v):
		case m.recreating(v), v.replicas() == 0, m.condemned(c), m.isTaken(c), complete && !has(warm, c):
			now = append(now, c)
		case complete:
		case has(warm, c):
			later = append(later, c)
		default:
			later = append([]Container{c}, later...)
		}
	}
	if v.known && !v.stopFirst {
		need, room := m.lack(v)
		shortage := max(0, need-room-len(now))
		now = append(now, later[:min(shortage, len(later))]...)
	}
	return now
}

// staysForNeeds: a release that still runs needs the service of which no replica is
// wanted any more. What another service takes over stops all the same.
func (m *maker) staysForNeeds(v *view) bool {
	return m.neededNow(v.name) != "" && !slices.ContainsFunc(v.all, m.isTaken)
}

func has(cs []Container, c Container) bool {
	return slices.ContainsFunc(cs, func(o Container) bool { return o.Name == c.Name })
}

func (m *maker) staleReason(v *view, c Container) string {
	switch {
	case v.givesBack && c.Fingerprint == v.wantedPrint:
		return v.verdict
	case m.condemned(c):
		return "its release is condemned"
	case c.Drift != "":
		return c.Drift
	case m.isTaken(c) && !v.stopFirst:
		by, claim := m.taken(c)
		return fmt.Sprintf("%s goes to %s, which it needs", claim, by.name)
	case c.Fingerprint == v.fingerprint:
		return "it is " + string(c.State)
	case v.rollout().Strategy == spec.Recreate:
		return "stop first: " + orDefault(v.rollout().Forced, "the strategy is recreate")
	case v.stopFirst:
		claim, _ := v.target.Service.Conflict(c.Release.Service)
		return fmt.Sprintf("stop first: it holds %s", claim)
	}
	return "replaced by release " + v.fingerprint.Short()
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// stop ends a running replica once it is drained.
func (m *maker) stop(v *view, c Container, why string) {
	if m.isReached(c) || m.mayBeRouted(v) {
		return
	}
	if until, drained := m.drained(v, c); !drained {
		m.wait(v.name, ForDrain, until, c.Name+" is draining")
		return
	}
	stop := m.stopping(c)
	m.do(v.name, Stop{Name: c.Name, ID: c.ID, Signal: stop.Signal, Grace: stop.Grace.Std()}, why)
}

// mayBeRouted: what nginx does is not known for sure just now, and may concern the
// service: a table is on its way, or nginx does not answer with the confirmed one.
func (m *maker) mayBeRouted(v *view) bool {
	g := m.have.Gateway
	if g.Lost {
		return true
	}
	if coming, ok := m.have.InFlight[SetRoutes{}.Key()].(SetRoutes); ok && coming.Table.leadsTo(v.name) {
		return true
	}
	unsure := m.have.InFlight[SetRoutes{}.Key()] != nil || !g.Running && g.Generation > 0
	return unsure && (v.routes || g.Table.leadsTo(v.name))
}

// drained: no request can be on its way to c, or the drain deadline has passed. A
// service that is replaced stop-first is down until then, so it waits for those
// requests only that are with c.
func (m *maker) drained(v *view, c Container) (until time.Time, ok bool) {
	limit := c.Release.Service.Rollout.Drain.Std()
	for a, drain := range m.have.Gateway.Unrouted {
		if a.Addr() != c.Addr || drain.Done || drain.Quiet && m.recreating(v) {
			continue
		}
		if end := drain.Since.Add(limit); m.now.Before(end) {
			return end, false
		}
	}
	return until, true
}

// removeStopped removes a stopped stale container, unless the release it
// belongs to may come back or its logs are still of interest.
func (m *maker) removeStopped(v *view, c Container) {
	if c.State == Removing || m.keptForLogs(v, c) {
		return
	}
	if c.State == Exited && has(m.warm(v), c) {
		return
	}
	m.do(v.name, Remove{c.Name, c.ID}, "it does not run and is not wanted")
}

// keptForLogs: c is the first stopped replica of the release condemned last, and
// stays until the wanted one is proven, or no replica is wanted.
func (m *maker) keptForLogs(v *view, c Container) bool {
	if v.verdict == "" && v.fingerprint == v.wantedPrint && (v.proven || v.replicas() == 0) {
		return false
	}
	failed := filter(v.all, func(o Container) bool { return o.State == Exited && m.condemned(o) })
	if len(failed) == 0 {
		return false
	}
	newest := slices.MaxFunc(failed, func(a, b Container) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	first := slices.IndexFunc(failed, func(o Container) bool { return o.Fingerprint == newest.Fingerprint })
	return failed[first].Name == c.Name
}

// restartUnhealthy restarts in place what can't be replaced by a second replica.
func (m *maker) restartUnhealthy(v *view) {
	if !v.known || !v.proven || v.rollout().Strategy != spec.Recreate {
		return
	}
	for _, c := range v.fresh {
		if alive(c) && m.givenUp(v, c) && !m.busy(c) {
			stop := m.stopping(c)
			m.do(v.name, Stop{Name: c.Name, ID: c.ID, Signal: stop.Signal, Grace: stop.Grace.Std()},
				"it is unhealthy: "+c.Health.Last)
		}
	}
}
