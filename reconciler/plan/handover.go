package plan

import (
	"fmt"
	"slices"

	"havn.internal/spec"
)

// gaveUp: the service leaves the site and has stopped for one that takes over what it held,
// or may yet have to: its requests stay with it until that one is ready.
func (m *maker) gaveUp(service string) bool {
	v, leaves := m.leavingView(service)
	return leaves && slices.ContainsFunc(v.all, func(c Container) bool {
		return usable(c) && len(c.Release.Service.Claims()) > 0
	})
}

// givers are the other wanted services whose last good release claims what the target
// does: if their new release fails, they need it back.
func (m *maker) givers(v *view) []*view {
	if !v.known || len(v.claims()) == 0 {
		return nil
	}
	var out []*view
	for _, o := range m.views {
		if good, ok := m.have.LastGood[o.name]; ok && o.name != v.name {
			if _, conflict := v.target.Service.Conflict(good.Service); conflict {
				out = append(out, o)
			}
		}
	}
	return out
}

// tookOver: the target holds what a service gave up that would have it back if the target
// failed.
func (m *maker) tookOver(v *view) bool {
	for _, o := range m.givers(v) {
		if !m.arrived(o) {
			return true
		}
	}
	stopped := func(h holder) bool {
		_, leaves := m.leavingView(h.Service)
		_, conflict := v.target.Service.Conflict(h.Release.Service)
		return leaves && conflict && h.State == Exited
	}
	return slices.ContainsFunc(m.claimants, stopped)
}

// unsettledGiver is a giver whose new release may still fail, and that would need back what
// the target holds. Services that swap what they hold are proven in one pass.
func (m *maker) unsettledGiver(v *view) string {
	for _, o := range m.givers(v) {
		if o.verdict == "" && !m.arrived(o) && !m.passed(o) {
			return o.name
		}
	}
	return ""
}

// passed: the release on trial is complete and has passed its watch window.
func (m *maker) passed(v *view) bool {
	since, ok := m.complete(v)
	return ok && !m.now.Before(since.Add(v.rollout().Watch.Std()))
}

// givesBack is why the wanted release may not run though it has no verdict of its own: it
// claims what another service needs again, whose new release has failed. It holds as long
// as that verdict does.
func (m *maker) givesBack(v *view, wanted spec.Fingerprint) string {
	if m.isProven(v.name, wanted) {
		return ""
	}
	if why := m.gaveInVain(v); why != "" || len(v.wanted.Claims()) == 0 {
		return why
	}
	for _, name := range sortedKeys(m.have.LastGood) {
		o, good := m.want.Services[name], m.have.LastGood[name]
		if o.Name == "" || o.Name == v.name || o.Rollout.OnFailure == spec.Hold {
			continue
		}
		claim, conflict := v.wanted.Conflict(good.Service)
		f := m.releaseOf(o).Fingerprint(m.have.Site)
		if _, failed := m.have.Verdicts[VerdictKey{name, f}]; conflict && failed && !m.isProven(name, f) {
			return fmt.Sprintf("%s goes back to %s, whose new release failed", claim, name)
		}
	}
	return ""
}

// gaveInVain is why the wanted release can't come: what its last good release held went to
// a service that the wanted one needs, and whose release has failed.
func (m *maker) gaveInVain(v *view) string {
	good, known := m.have.LastGood[v.name]
	if !known || len(good.Service.Claims()) == 0 || len(v.wanted.Needs) == 0 {
		return ""
	}
	for _, name := range m.want.ServiceNames() {
		o := m.want.Services[name]
		claim, conflict := good.Service.Conflict(o)
		if !conflict || name == v.name || !m.dependsOn(v.wanted, name, nil) {
			continue
		}
		f := m.releaseOf(o).Fingerprint(m.have.Site)
		if _, failed := m.have.Verdicts[VerdictKey{name, f}]; failed && !m.isProven(name, f) {
			return fmt.Sprintf("%s comes back from %s, which it needs and which failed", claim, name)
		}
	}
	return ""
}

// returns: the replica of a service that leaves the site gave up what a service took over
// whose release has failed; so it runs again.
func (m *maker) returns(c Container) (taker string, ok bool) {
	if c.State != Exited || !usable(c) || m.condemned(c) {
		return "", false
	}
	for _, v := range m.views {
		if _, conflict := v.wanted.Conflict(c.Release.Service); conflict && v.verdict != "" && !v.held && !m.targets(v, c) {
			return v.name, !m.heldByOther(c)
		}
	}
	return "", false
}

// targets: what the service goes back to claims what c does.
func (m *maker) targets(v *view, c Container) bool {
	_, conflict := v.target.Service.Conflict(c.Release.Service)
	return v.known && conflict
}

// heldByOther: a replica that is there holds what c claims.
func (m *maker) heldByOther(c Container) bool {
	return slices.ContainsFunc(m.claimants, func(h holder) bool {
		_, conflict := c.Release.Service.Conflict(h.Release.Service)
		return conflict && h.Name != c.Name && (h.unseen || m.occupies(h.Container))
	})
}
