package reconciler

import (
	"strings"

	"havn.internal/reconciler/plan"
)

// kept: what is the host's own takes no requests away from the site's locations.
func (o *oracle) kept(t plan.Table) {
	for _, own := range plan.OwnLocations(t) {
		named, others := false, false
		for _, l := range t.Locations {
			if l.Own() {
				continue
			}
			named = named || l.Host == own.Host
			others = others || l.Host == "_" || strings.HasPrefix(l.Host, "*") && strings.HasSuffix(own.Host, l.Host[1:])
			if l.Host == own.Host && l.Path == own.Path {
				o.fail("own", "%s%s of route %s is taken from it", l.Host, l.Path, l.Route)
			}
		}
		if others && !named {
			o.fail("own", "%s is taken from the routes of all other hosts", own.Host)
		}
	}
}
