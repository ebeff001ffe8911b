package plan

import (
	"fmt"
	"strings"
)

// ownMark begins the names of havn's own routes. No route of a site is called so.
const ownMark = "havn/"

// OwnRoute is the name of a route that belongs to the host and not to a site.
func OwnRoute(name string) string { return ownMark + name }

// Own: the location is one of the host's own, with servers that are no replicas.
func (l Location) Own() bool { return strings.HasPrefix(l.Route, ownMark) }

// OwnLocations are those of a table that are the host's own.
func OwnLocations(t Table) []Location { return filter(t.Locations, Location.Own) }

// own adds the host's own locations to a table of the site's. The site's come first:
// a path that a route names stays with it, and a host name that no route has stays
// with those routes that take its requests.
func (m *maker) own(t *Table) {
	site := t.Locations
	for _, l := range m.have.Own {
		l.Host = hostOf(l.Host, site)
		why := m.have.Gateway.Rejected[l.Hash()]
		for _, other := range site {
			if other.Host == l.Host && strings.TrimSuffix(other.Path, "/") == strings.TrimSuffix(l.Path, "/") {
				why = fmt.Sprintf("route %s has that path", other.Route)
			}
		}
		if why != "" {
			m.plan.Aside = append(m.plan.Aside, Blocked{Route: l.Route, Why: fmt.Sprintf("%s%s: %s", l.Host, l.Path, why)})
			continue
		}
		t.Locations = append(t.Locations, l)
	}
}

// hostOf is the host of the locations that requests for a name go to: the name, the
// longest wildcard, or all others. If there is none, it is the name.
func hostOf(name string, ls []Location) string {
	best, others := "", false
	for _, l := range ls {
		rest, wild := strings.CutPrefix(l.Host, "*")
		switch {
		case l.Host == name:
			return name
		case l.Host == "_":
			others = true
		case wild && strings.HasSuffix(name, rest) && len(l.Host) > len(best):
			best = l.Host
		}
	}
	switch {
	case best != "":
		return best
	case others:
		return "_"
	}
	return name
}
