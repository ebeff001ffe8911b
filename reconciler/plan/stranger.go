package plan

import (
	"fmt"
	"maps"
	"slices"

	"havn.internal/spec"
)

// mostStrangers bounds how many are named.
const mostStrangers = 10

// strangers names the containers that are not havn's and concern the site. They are never
// routed to, stopped or removed.
func (m *maker) strangers() {
	names := slices.Sorted(maps.Keys(m.have.Strangers))
	for i, name := range names {
		if i == mostStrangers {
			m.plan.Notes = append(m.plan.Notes, Note{Why: "there are " + spec.Count(len(names)-i, "further container") + " of that kind"})
			return
		}
		m.plan.Notes = append(m.plan.Notes, Note{Why: fmt.Sprintf("container %s %s", name, m.have.Strangers[name])})
	}
}
