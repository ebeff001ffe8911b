package model

import (
	"maps"
	"slices"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Between is in what two sites differ, whatever the host is like. The images are what
// references stand for in each, as far as it is known.
func Between(from, to spec.Site, fromImages, toImages map[string]string, v plan.Values) []Change {
	out := []Change{}
	for _, name := range union(from.Volumes, to.Volumes) {
		out = appendEnds(out, Change{Volume: name}, hasKey(from.Volumes, name), hasKey(to.Volumes, name))
	}
	for _, name := range union(from.Services, to.Services) {
		old, had := from.Services[name]
		now, has := to.Services[name]
		if !had || !has {
			c := Change{Service: name}
			if has {
				c.Fields = plan.Outline(spec.Release{Service: now}, v)
			}
			out = appendEnds(out, c, had, has)
			continue
		}
		a, b := spec.Release{Service: old, ImageID: fromImages[old.Image]}, spec.Release{Service: now, ImageID: toImages[now.Image]}
		if a.ImageID == "" || b.ImageID == "" {
			a.ImageID, b.ImageID = "", ""
		}
		if fields := plan.Changes(a, b, v); len(fields) > 0 {
			out = append(out, Change{Service: name, Kind: Updated, Fields: fields})
		}
	}
	var before []plan.Location
	for _, name := range from.RouteNames() {
		before = append(before, plan.Locations(from.Routes[name])...)
	}
	return append(out, routeChanges(to, before, v)...)
}

// appendEnds appends what is on one side only.
func appendEnds(out []Change, c Change, had, has bool) []Change {
	switch {
	case had && !has:
		c.Kind = Removed
	case has && !had:
		c.Kind = Created
	default:
		return out
	}
	return append(out, c)
}

func hasKey[V any](m map[string]V, key string) bool {
	_, has := m[key]
	return has
}

func union[V any](a, b map[string]V) []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(all)
	return slices.Compact(all)
}
