package nginx

import (
	"cmp"
	"encoding/json"
	"slices"

	"havn.internal/reconciler/plan"
)

// servers writes one server for each set of hosts with the same locations, and
// one for everybody else.
func (e *emitter) servers(s Settings, t plan.Table) {
	byHost := map[string][]plan.Location{}
	for _, l := range t.Locations {
		byHost[l.Host] = append(byHost[l.Host], l)
	}
	groups := map[string][]string{}
	for host, locations := range byHost {
		if host != "_" {
			key := groupKey(locations)
			groups[key] = append(groups[key], host)
		}
	}
	var sets [][]string
	for _, hosts := range groups {
		slices.Sort(hosts)
		sets = append(sets, hosts)
	}
	slices.SortFunc(sets, func(a, b []string) int { return cmp.Compare(a[0], b[0]) })
	e.block(func() {
		e.listen(s, "default_server")
		e.dir("server_name", raw(`""`))
		e.plain(true)
		e.locations(byHost["_"])
	}, "server")
	for _, hosts := range sets {
		e.block(func() {
			e.listen(s, "")
			names := make([]arg, len(hosts))
			for i, h := range hosts {
				names[i] = text(h)
			}
			e.dir("server_name", names...)
			e.plain(false)
			e.locations(byHost[hosts[0]])
		}, "server")
	}
}

// groupKey is equal for hosts that can share a server block.
func groupKey(locations []plan.Location) string {
	same := slices.Clone(locations)
	for i := range same {
		same[i].Host, same[i].Route = "", ""
	}
	form, err := json.Marshal(same)
	if err != nil {
		panic("nginx: " + err.Error()) // only strings, numbers and addresses
	}
	return string(form)
}
