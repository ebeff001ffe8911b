package model

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// changes compares what is wanted with what is there.
func changes(want spec.Site, have plan.Observed, v plan.Values) []Change {
	out := []Change{}
	for _, name := range want.VolumeNames() {
		if _, exists := have.Volumes[name]; !exists {
			out = append(out, Change{Volume: name, Kind: Created})
		}
	}
	running := services(have)
	for _, name := range want.ServiceNames() {
		if c, changed := serviceChange(want.Services[name], running[name], have, v); changed {
			out = append(out, c)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(running)) {
		if _, wanted := want.Services[name]; !wanted {
			out = append(out, Change{Service: name, Kind: Removed})
		}
	}
	return append(out, routeChanges(want, have.Gateway.Table.Locations, v)...)
}

// services are the replicas of each service, the newest last.
func services(have plan.Observed) map[string][]plan.Container {
	out := map[string][]plan.Container{}
	for _, name := range slices.Sorted(maps.Keys(have.Containers)) {
		c := have.Containers[name]
		out[c.Service] = append(out[c.Service], c)
	}
	for _, cs := range out {
		slices.SortStableFunc(cs, func(a, b plan.Container) int { return a.CreatedAt.Compare(b.CreatedAt) })
	}
	return out
}

func serviceChange(s spec.Service, have []plan.Container, host plan.Observed, v plan.Values) (Change, bool) {
	out := Change{Service: s.Name, Strategy: s.Rollout.Strategy}
	id := host.Images[s.Image].ID
	pull := id == ""
	if pull {
		id = assumedID(s.Image)
	}
	release := spec.Release{Service: s, ImageID: id}
	f := release.Fingerprint(host.Site)
	var runs, drifted int
	for _, c := range have {
		if c.Fingerprint == f && c.State == plan.Running {
			runs++
			if c.Drift != "" || c.Health.Unhealthy {
				drifted++
			}
		}
	}
	old, known := current(have, host)
	if known {
		out.Fields = plan.Changes(old, release, v)
	}
	switch {
	case s.Replicas == 0 && len(have) == 0:
		return out, false
	case !known:
		out.Kind, out.Fields = Created, plan.Outline(release, v)
	case old.Fingerprint(host.Site) != f:
		out.Kind = Updated
		for i, c := range out.Fields {
			if c.Field == "imageID" && pull {
				out.Fields[i].New = "(to be pulled)"
			}
		}
	case old.Service.Replicas != s.Replicas:
		out.Kind = Scaled
	case len(out.Fields) > 0 && s.Replicas > 0:
		out.Kind, out.Strategy = Adjusted, ""
	default:
		out.Kind = Repaired
		return out, runs != s.Replicas || drifted > 0 || len(have) != runs
	}
	return out, true
}

// current is the release a service is at: the last good one or, if none is known,
// that of its newest replica, running ones first.
func current(have []plan.Container, host plan.Observed) (spec.Release, bool) {
	if len(have) == 0 {
		return spec.Release{}, false
	}
	if good, ok := host.LastGood[have[0].Service]; ok {
		return good, true
	}
	best := slices.MaxFunc(have, func(a, b plan.Container) int {
		return cmp.Or(boolCompare(a.State == plan.Running, b.State == plan.Running), a.CreatedAt.Compare(b.CreatedAt))
	})
	return best.Release, true
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func routeChanges(want spec.Site, have []plan.Location, v plan.Values) []Change {
	old := map[plan.LocationKey]plan.Location{}
	for _, l := range have {
		old[l.Key()] = l
	}
	var out []Change
	for _, name := range want.RouteNames() {
		for _, l := range plan.Locations(want.Routes[name]) {
			before, had := old[l.Key()]
			delete(old, l.Key())
			c := Change{Route: name, Where: l.Where()}
			switch {
			case !had:
				c.Kind = Created
			case before.Hash() != l.Hash():
				c.Kind, c.Fields = Updated, plan.LocationChanges(before, l, v)
			default:
				continue
			}
			out = addRoute(out, c)
		}
	}
	for _, l := range have {
		if _, gone := old[l.Key()]; gone && !l.Own() {
			out = addRoute(out, Change{Route: l.Route, Where: l.Where(), Kind: Removed})
		}
	}
	return out
}

// addRoute adds a change of one location. What is the same at several locations of a
// route is one change.
func addRoute(out []Change, c Change) []Change {
	for i, o := range out {
		if o.Route == c.Route && o.Kind == c.Kind && reflect.DeepEqual(o.Fields, c.Fields) {
			out[i].Where += ", " + c.Where
			return out
		}
	}
	return append(out, c)
}

// outage adds what the forecast found out about a service.
func (c *Change) outage(want spec.Site, f *forecast) {
	d, given := f.outage[c.Service], f.handed[c.Service]
	s := want.Services[c.Service]
	forever := c.Kind == Scaled && s.Replicas == 0
	if c.Service == "" || d == 0 && !forever {
		return
	}
	r := s.Rollout
	c.Downtime, c.Outage = true, spec.Duration(d)
	switch {
	case forever:
		c.Outage, c.OutageWhy = 0, "the site wants 0 of it"
	case r.Forced != "":
		c.OutageWhy = r.Forced
	case given != nil:
		c.OutageWhy = given.why()
	case r.Strategy == spec.Recreate:
		c.OutageWhy = "the strategy is recreate"
	default:
		c.OutageWhy = "no replica of it is ready"
	}
}

// Hash identifies a wanted site and all of the observed host that a plan for it
// depends on, but for what passes by itself: probes, drains, acts in flight. Of
// the host it takes in no more than a snapshot shows, so that a plan against one
// has the hash of the plan on the host.
func Hash(want spec.Site, have plan.Observed) string {
	want.Revision = ""
	type replica struct{ ID, Fingerprint, State, Drift string }
	form := struct {
		Want       spec.Site
		Network    plan.Network
		Replicas   map[string]replica
		Volumes    map[string]plan.Volume
		Images     map[string]string
		Table      plan.Table
		Generation int
		Verdicts   []string
		Good       map[string]string
	}{
		Want: want, Network: have.Network, Volumes: have.Volumes, Table: have.Gateway.Table.Hide(), Generation: have.Gateway.Generation,
		Replicas: map[string]replica{}, Images: map[string]string{}, Good: map[string]string{},
	}
	form.Network.Taken = nil
	for name, c := range have.Containers {
		form.Replicas[name] = replica{c.ID, c.Fingerprint.Short(), string(c.State), c.Drift}
	}
	for ref, i := range have.Images {
		form.Images[ref] = i.ID + i.Problem
	}
	for k := range have.Verdicts {
		form.Verdicts = append(form.Verdicts, k.Service+" "+k.Fingerprint.Short())
	}
	slices.Sort(form.Verdicts)
	for name, r := range have.LastGood {
		form.Good[name] = r.Fingerprint(have.Site).Short()
	}
	text, err := json.Marshal(form)
	if err != nil {
		panic("model: hash: " + err.Error()) // only strings, numbers and maps of them
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
