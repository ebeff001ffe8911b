package plan

import (
	"fmt"
	"slices"
)

// Unmet is one respect in which the host is not as the site says.
type Unmet struct {
	// Service or Route is whose it is; neither is the host's.
	Service string `json:"service,omitempty"`
	Route   string `json:"route,omitempty"`
	Why     string `json:"why"`
}

// Reached reports whether the host is as the revision says: every wanted service complete
// at its wanted, proven release, every route confirmed, nothing on its way out, nothing in
// flight. It is the only predicate for that. Old images are not of the site.
func (p Plan) Reached() bool {
	return len(p.Unmet) == 0 && !slices.ContainsFunc(p.Steps, func(s Step) bool { return !collects(s.Action) })
}

func collects(a Action) bool {
	_, is := a.(RemoveImage)
	return is
}

// compare lists what is unmet. What has no step, no block and no time at which it is looked
// at again gets one.
func (m *maker) compare(t Table) {
	for _, v := range m.views {
		if why := m.unmet(v); why != "" {
			m.plan.Unmet = append(m.plan.Unmet, Unmet{Service: v.name, Why: why})
		}
	}
	for _, v := range m.leaving {
		m.plan.Unmet = append(m.plan.Unmet, Unmet{Service: v.name, Why: fmt.Sprintf("%s is still there", v.all[0].Name)})
	}
	m.unmetHost()
	m.unmetRoutes(t)
	what := ForReady
	if len(m.plan.Blocked) > 0 {
		what = ForNeed // it may well wait for what is blocked
	}
	explained := m.explained()
	for _, u := range m.plan.Unmet {
		steps := u.Service == "" && len(m.plan.Steps) > 0
		if !steps && !explained[Unmet{Service: u.Service, Route: u.Route}] && len(m.waits[u.Service]) == 0 {
			m.wait(u.Service, what, m.now.Add(relook), u.Why)
		}
	}
	// The end of an act wakes the loop: it needs no time to look again.
	for _, key := range sortedKeys(m.have.InFlight) {
		if collects(m.have.InFlight[key]) {
			continue
		}
		m.plan.Unmet = append(m.plan.Unmet, Unmet{Why: m.have.InFlight[key].String() + " is under way"})
	}
}

// explained are the services of which a step or a block says what becomes of them, and the
// routes of which a block does.
func (m *maker) explained() map[Unmet]bool {
	out := map[Unmet]bool{}
	for _, s := range m.plan.Steps {
		out[Unmet{Service: s.Service}] = true
	}
	for _, b := range m.plan.Blocked {
		out[Unmet{Service: b.Service, Route: b.Route}] = true
	}
	return out
}

// unmet is in what a wanted service is not as the site says, "" if in nothing.
func (m *maker) unmet(v *view) string {
	n := v.wanted.Replicas
	ready := count(v.fresh, m.ready)
	switch {
	case v.verdict != "":
		return fmt.Sprintf("release %s is condemned: %s", v.wantedPrint.Short(), v.verdict)
	case v.unresolved && (n > 0 || len(v.all) > 0):
		return "the image " + v.wanted.Image + " is not resolved yet"
	case n > 0 && v.fingerprint != v.wantedPrint:
		return "release " + v.wantedPrint.Short() + " does not run yet"
	case n == 0 && slices.ContainsFunc(v.all, alive):
		return "replicas still run, of which the site wants none"
	case ready < n:
		return fmt.Sprintf("%d of %d replicas are ready", ready, n)
	}
	for _, c := range v.all {
		switch {
		case has(v.fresh, c) && !has(m.keep(v), c), has(v.stale, c) && (alive(c) || !m.keptForLogs(v, c)):
			return c.Name + " is still there"
		case has(v.fresh, c) && v.routes && !m.isRouted(c):
			return c.Name + " is not routed"
		}
	}
	if n > 0 && !v.proven {
		return "release " + v.wantedPrint.Short() + " is not proven yet"
	}
	return ""
}

func (m *maker) unmetHost() {
	if len(m.want.Services) > 0 && (!m.have.Network.Exists || m.have.Network.Problem != "") {
		m.plan.Unmet = append(m.plan.Unmet, Unmet{Why: "the site's network is not there"})
	}
	for _, name := range m.want.VolumeNames() {
		if v, exists := m.have.Volumes[name]; !exists || v.Problem != "" {
			m.plan.Unmet = append(m.plan.Unmet, Unmet{Why: "volume " + name + " is not there"})
		}
	}
}

// unmetRoutes compares the confirmed table with what the site says.
func (m *maker) unmetRoutes(t Table) {
	g := m.have.Gateway
	confirmed := map[LocationKey]Location{}
	for _, l := range g.Table.Locations {
		if !l.Own() {
			confirmed[l.Key()] = l
		}
	}
	for _, name := range m.want.RouteNames() {
		for _, l := range Locations(m.want.Routes[name]) {
			have, there := confirmed[l.Key()]
			if delete(confirmed, l.Key()); !there || have.Hash() != l.Hash() {
				m.plan.Unmet = append(m.plan.Unmet, Unmet{Route: name, Why: l.Where() + " is not in force yet"})
			}
		}
	}
	for _, l := range g.Table.Locations {
		if _, left := confirmed[l.Key()]; left && !l.Own() {
			m.plan.Unmet = append(m.plan.Unmet, Unmet{Route: l.Route, Why: l.Where() + " is still in force"})
		}
	}
	if (len(t.Locations) > 0 || g.Generation > 0) && (!g.Running || t.Hash() != g.Table.Hash()) {
		m.plan.Unmet = append(m.plan.Unmet, Unmet{Why: "the gateway does not follow the wanted routes yet"})
	}
}
