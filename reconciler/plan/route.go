package plan

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"havn.internal/spec"
)

// pickServers decides which replicas of a service requests should go to.
func (m *maker) pickServers(v *view) {
	fresh := filter(m.keep(v), func(c Container) bool { return m.serves(c) && !m.failing[VerdictKey{v.name, c.Fingerprint}] })
	stale := filter(v.stale, func(c Container) bool { return m.serves(c) && !m.condemned(c) && !m.isTaken(c) })
	slices.SortStableFunc(stale, func(a, b Container) int {
		return cmp.Or(routedFirst(m.isRouted(a), m.isRouted(b)), routedFirst(m.isProven(v.name, a.Fingerprint), m.isProven(v.name, b.Fingerprint)))
	})
	if _, met := m.needsMet(v); !met && !v.proven && len(stale) > 0 {
		fresh = filter(fresh, m.isRouted)
	}
	n := v.replicas()
	switch {
	case !v.known || v.held:
		v.serve = filter(v.all, func(c Container) bool { return m.ready(c) && !m.yieldsNow(v, c) })
		if routed := filter(v.serve, m.isRouted); len(routed) > 0 {
			v.serve = routed
		}
	case m.recreating(v):
		v.serve = fresh
		return
	case v.rollout().Strategy == spec.BlueGreen && len(fresh) < n && len(stale) > 0 && !slices.ContainsFunc(fresh, m.isRouted):
		v.serve = stale[:min(n, len(stale))]
	default:
		room := max(0, n-len(fresh))
		v.serve = slices.Concat(fresh, stale[:min(room, len(stale))])
	}
	if len(v.serve) == 0 {
		v.serve = m.lastResort(v)
	}
	v.spare = m.spares(v)
}

// spares are the warm stale replicas of a service whose release on trial serves
// alone.
func (m *maker) spares(v *view) []Container {
	onTrial := func(c Container) bool { return c.Fingerprint == v.fingerprint && m.ready(c) }
	if !v.known || v.held || v.failed != "" || count(v.serve, onTrial) < max(1, len(v.serve)) {
		return nil
	}
	leaving := m.dispensable(v)
	return filter(m.warm(v), func(c Container) bool { return m.serves(c) && !has(v.serve, c) && !has(leaving, c) })
}

func routedFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// lastResort is for a service without any replica that should serve: those of a
// condemned release that are ready, else those that are routed and not gone, since one
// that comes back is at the same address. They are no more than are wanted, for what
// comes after them needs their room.
func (m *maker) lastResort(v *view) []Container {
	if v.known && v.replicas() == 0 {
		return nil
	}
	last := filter(v.all, func(c Container) bool { return m.ready(c) && !m.yieldsNow(v, c) })
	if len(last) == 0 {
		last = filter(v.all, func(c Container) bool {
			return !m.yieldsNow(v, c) && alive(c) && m.isReached(c) && !m.busy(c) && (c.State != Paused || !m.condemned(c))
		})
	}
	if v.known {
		slices.SortStableFunc(last, func(a, b Container) int { return routedFirst(m.isRouted(a), m.isRouted(b)) })
		last = last[:min(len(last), v.replicas())]
	}
	return last
}

func (m *maker) condemned(c Container) bool {
	key := VerdictKey{c.Service, c.Fingerprint}
	_, yes := m.have.Verdicts[key]
	if v := m.viewOf(c.Service); v != nil && v.givesBack && c.Fingerprint == v.wantedPrint {
		return true
	}
	return m.failing[key] || yes && !m.isProven(c.Service, c.Fingerprint)
}

// table is the route table the gateway should follow now.
func (m *maker) table() Table {
	confirmed := map[LocationKey]Location{}
	for _, l := range m.have.Gateway.Table.Locations {
		confirmed[l.Key()] = l
	}
	t := Table{}
	var early []Location
	for _, name := range m.want.RouteNames() {
		for _, l := range Locations(m.want.Routes[name]) {
			before, had := confirmed[l.Key()]
			l, ok := m.resolve(l, before, had)
			switch {
			case !ok:
			case !had && m.awaits(l.Target.Service):
				early = append(early, l)
			default:
				t.Locations = append(t.Locations, l)
			}
		}
	}
	if m.leavingStays() {
		t.Locations = append(t.Locations, m.held(confirmed)...)
	}
	for _, l := range early {
		if !m.leftOut(l, t) {
			t.Locations = append(t.Locations, l)
		}
	}
	m.own(&t)
	t.Sort()
	return t
}

// leftOut: a location that is new and has nobody who is known to answer is not in the
// table yet, as long as its requests are answered without it, or those who are presumed
// to answer it may be known soon.
func (m *maker) leftOut(l Location, t Table) bool {
	over, taken := t.taker(l)
	switch {
	case taken && m.answered(over):
		m.stays(l, over)
	case m.answers(l.Target.Service):
		m.wait(l.Target.Service, ForReady, m.now.Add(relook), fmt.Sprintf("%s waits until a replica of %s is probed", l.Where(), l.Target.Service))
	default:
		return false
	}
	return true
}

// stays says that the requests of a location go to another for now.
func (m *maker) stays(l, with Location) {
	who := orDefault(with.Target.Service, "route "+with.Route)
	m.wait(l.Target.Service, ForNeed, m.now.Add(relook), fmt.Sprintf("%s stays with %s until %s is ready", l.Where(), who, l.Target.Service))
}

// held are the confirmed locations that the site drops and that lead to services that stay
// for now: those go on serving.
func (m *maker) held(confirmed map[LocationKey]Location) []Location {
	for _, name := range m.want.RouteNames() {
		for _, l := range Locations(m.want.Routes[name]) {
			delete(confirmed, l.Key())
		}
	}
	var out []Location
	for _, l := range confirmed {
		leads := func(v *view) bool { return v.name == l.Target.Service }
		if l = m.filled(l, l); len(l.Servers) > 0 && slices.ContainsFunc(m.leaving, leads) {
			out = append(out, l)
		}
	}
	return out
}

// Locations spells a route out, one location for each host and path.
func Locations(r spec.Route) []Location {
	var out []Location
	for _, host := range r.Hosts {
		for _, path := range slices.Sorted(maps.Keys(r.Paths)) {
			plain, exact := strings.CutPrefix(path, "=")
			out = append(out, Location{Host: host, Path: plain, Exact: exact, Route: r.Name, Target: r.Paths[path]})
		}
	}
	return out
}

// resolve gives a location its servers. One that nginx refused, or whose service
// has nobody who is known to answer yet while the one it takes over from has, or will
// have again, stays as it was confirmed.
func (m *maker) resolve(l, before Location, had bool) (Location, bool) {
	if why, rejected := m.have.Gateway.Rejected[l.Hash()]; rejected {
		m.plan.Blocked = append(m.plan.Blocked, Blocked{Route: l.Route, Why: l.Where() + ": " + why})
		return m.filled(before, before), had
	}
	l = m.filled(l, before)
	moved := had && before.Target.Service != l.Target.Service
	if moved && m.awaits(l.Target.Service) {
		before = m.filled(before, before)
		last := m.scaledAway(before.Target.Service)
		if len(last) > 0 {
			before.Servers = addressesOf(last, before.Target.Port)
		}
		comesBack := len(before.Servers) > 0 || m.wantsReplicas(before.Target.Service) || m.gaveUp(before.Target.Service)
		if len(last) > 0 || m.answered(before) || len(l.Servers) == 0 && comesBack {
			m.stays(l, before)
			return before, true
		}
	}
	return l, true
}

// awaits: nobody of the service is known to answer, and somebody may come to.
func (m *maker) awaits(service string) bool {
	return !slices.ContainsFunc(m.serversOf(service), m.ready) && m.wantsReplicas(service)
}

// wantsReplicas: the service may come to have somebody who answers.
func (m *maker) wantsReplicas(service string) bool {
	return slices.ContainsFunc(m.views, func(v *view) bool { return v.name == service && (!v.known || v.replicas() > 0) })
}

// scaledAway are the replicas that still answer for a service of which none is wanted
// any more.
func (m *maker) scaledAway(service string) []Container {
	for _, v := range m.views {
		if v.name == service && v.known && v.replicas() == 0 {
			return filter(v.all, func(c Container) bool { return m.serves(c) && m.isReached(c) && !m.isTaken(c) })
		}
	}
	return nil
}

// answers: somebody of the service may be sent requests, and not for want of a
// better one.
func (m *maker) answers(service string) bool {
	return slices.ContainsFunc(m.serversOf(service), m.serves)
}

// answered: the location's requests get an answer, from its service or as a redirect.
func (m *maker) answered(l Location) bool {
	return l.Target.Redirect != nil || m.answers(l.Target.Service)
}

// serversOf are the replicas of a service that requests should go to.
func (m *maker) serversOf(service string) []Container {
	for _, v := range m.views {
		if v.name == service {
			return v.serve
		}
	}
	for _, v := range m.leaving {
		if v.name == service {
			return m.lastResort(v)
		}
	}
	return nil
}

// filled gives a location the replicas its target stands for now. One that has not
// been probed since havn started, or since it began to run, stays where requests went
// to it before, and gets no others.
func (m *maker) filled(l, before Location) Location {
	var spare []Container
	for _, v := range m.views {
		if v.name == l.Target.Service {
			spare = v.spare
		}
	}
	servers := filter(m.serversOf(l.Target.Service), func(c Container) bool { return !c.Unprobed() || before.sendsTo(c.Addr) })
	l.Servers, l.Spares = addressesOf(servers, l.Target.Port), addressesOf(spare, l.Target.Port)
	return l
}

// addressesOf are where replicas listen on a port, sorted.
func addressesOf(replicas []Container, port string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, c := range replicas {
		if number, ok := c.Release.Service.PortNumber(port); ok {
			out = append(out, netip.AddrPortFrom(c.Addr, uint16(number)))
		}
	}
	slices.SortFunc(out, netip.AddrPort.Compare)
	return out
}

// gateway brings nginx up and has it follow the table.
func (m *maker) gateway(t Table) {
	g := m.have.Gateway
	if g.Problem != "" {
		m.block("", g.Problem)
	}
	switch {
	case g.Lost && m.someUnprobed():
		// To start it anew is an outage, and a longer one before it is known who serves.
		m.wait("", ForReady, m.now.Add(relook), "nginx serves with a configuration that is lost; it is started anew when all replicas have been probed")
	case !g.Running && (len(t.Locations) > 0 || g.Generation > 0):
		m.do("", StartGateway{}, "nginx does not run")
	case g.Running && t.Hash() != g.Table.Hash():
		m.do("", SetRoutes{t}, tableChange(g.Table, t))
	}
}

// tableChange says in a few words how two tables differ.
func tableChange(from, to Table) string {
	old := map[LocationKey]Location{}
	for _, l := range from.Locations {
		old[l.Key()] = l
	}
	var changes []string
	for _, l := range to.Locations {
		before, had := old[l.Key()]
		delete(old, l.Key())
		where := l.Where()
		switch {
		case !had:
			changes = append(changes, "add "+where)
		case before.Hash() != l.Hash():
			changes = append(changes, "change "+where)
		case !slices.Equal(before.Servers, l.Servers):
			changes = append(changes, fmt.Sprintf("%s to %s", where, addresses(l.Servers)))
		case !slices.Equal(before.Spares, l.Spares) && len(l.Spares) > 0:
			changes = append(changes, fmt.Sprintf("%s with %s to spare", where, addresses(l.Spares)))
		case !slices.Equal(before.Spares, l.Spares):
			changes = append(changes, where+" without spares")
		}
	}
	for _, l := range from.Locations {
		if _, gone := old[l.Key()]; gone {
			changes = append(changes, "drop "+l.Where())
		}
	}
	const shown = 4
	if n := len(changes); n > shown {
		changes = append(changes[:shown], fmt.Sprintf("and %d more", n-shown))
	}
	return strings.Join(changes, ", ")
}

func addresses(servers []netip.AddrPort) string {
	if len(servers) == 0 {
		return "nobody"
	}
	out := make([]string, len(servers))
	for i, s := range servers {
		out[i] = s.String()
	}
	return strings.Join(out, " ")
}
