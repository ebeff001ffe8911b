package plan

import "slices"

// removalsWait decides for whom everything that leaves the site stays: the first service
// that is not at its wanted release yet, or that failed to get there. Its release may
// still have to go back, and what it goes back to may need what leaves.
func (m *maker) removalsWait() {
	for _, v := range m.views {
		if !m.arrived(v) {
			m.awaited = v.name
			return
		}
	}
}

// arrived: the wanted release of the service is proven, or no replica of it is wanted.
func (m *maker) arrived(v *view) bool {
	if v.wanted.Replicas == 0 {
		return true
	}
	return !v.unresolved && v.verdict == "" && v.known && v.proven && v.fingerprint == v.wantedPrint
}

// leavingStays: what leaves the site stays for now, with its routes.
func (m *maker) leavingStays() bool { return m.awaited != "" || m.overBudget() }

// neededNow names a replica of another service that runs and whose release needs the
// service, "" if there is none. A service that is at its wanted release is not asked: that
// it needs what the site does not want is the site's word.
func (m *maker) neededNow(service string) string {
	for _, name := range sortedKeys(m.have.Containers) {
		c := m.have.Containers[name]
		if !alive(c) || c.Service == service {
			continue
		}
		needs := c.Release.Service.Needs
		if v := m.viewOf(c.Service); v != nil && has(v.fresh, c) {
			if m.arrived(v) {
				continue
			}
			needs = v.target.Service.Needs // they change in place
		}
		if slices.Contains(needs, service) {
			return name
		}
	}
	return ""
}
