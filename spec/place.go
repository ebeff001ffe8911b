package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"cuelang.org/go/cue"
)

// placed says where the entries of a site belong.
type placed struct {
	// on is the choice of hosts by kind and name, of the entries that make one.
	on map[string]map[string]*sourceOn
	// elsewhere are the entries that are not for this host.
	elsewhere map[string]map[string]bool
	// mounted are the volumes that services of other hosts mount.
	mounted map[string]bool
}

func newPlaced() placed {
	p := placed{on: map[string]map[string]*sourceOn{}, elsewhere: map[string]map[string]bool{}, mounted: map[string]bool{}}
	for kind := range definitions {
		p.on[kind], p.elsewhere[kind] = map[string]*sourceOn{}, map[string]bool{}
	}
	return p
}

func (p placed) note(w *entryWork) {
	if w.on != nil {
		p.on[w.kind][w.name] = w.on
	}
	if !w.elsewhere {
		return
	}
	p.elsewhere[w.kind][w.name] = true
	if w.kind == "services" {
		for _, volume := range mountedBy(w.value) {
			p.mounted[volume] = true
		}
	}
}

// apart: no host has both entries.
func (p placed) apart(kind, a, b string) bool { return p.on[kind][a].apart(p.on[kind][b]) }

// mountedBy are the volumes of a service, as far as it can be read.
func mountedBy(service cue.Value) []string {
	var mounts map[string]sourceMount
	text, err := service.LookupPath(cue.MakePath(cue.Str("volumes"))).MarshalJSON()
	if err != nil || json.Unmarshal(text, &mounts) != nil {
		return nil
	}
	var names []string
	for _, m := range mounts {
		names = append(names, m.Volume)
	}
	return names
}

// place finds out whether the entry is for this host. One whose `on` has a mistake
// is for every host, so that the mistake is told.
func (w *entryWork) place() {
	if w.kind == "volumes" {
		w.elsewhere = w.placed.mounted[w.name] && !mounts(w.site, w.name)
		return
	}
	v := w.value.LookupPath(cue.MakePath(cue.Str("on")))
	if !v.Exists() {
		return
	}
	c := &conformer{}
	if c.check(w.shapes["#On"], v, nil); len(c.mistakes) > 0 {
		return
	}
	var on sourceOn
	if text, err := v.MarshalJSON(); err == nil && json.Unmarshal(text, &on) == nil {
		w.on, w.elsewhere = &on, !on.takes(w.snapshot.As)
	}
}

// mounts: a service of the site has the volume.
func mounts(s Site, volume string) bool {
	for _, service := range s.Services {
		for _, m := range service.Volumes {
			if m.Volume == volume {
				return true
			}
		}
	}
	return false
}

// leaveOutElsewhere takes the paths that lead to services of other hosts out of the
// routes, and the routes that reach no other service out of the site.
func (e *evaluation) leaveOutElsewhere() {
	away := func(_ string, t Target) bool { return e.placed.elsewhere["services"][t.Service] }
	for name, route := range e.site.Routes {
		before := len(route.Paths)
		maps.DeleteFunc(route.Paths, away)
		reaches := slices.ContainsFunc(slices.Collect(maps.Values(route.Paths)), func(t Target) bool { return t.Service != "" })
		if len(route.Paths) < before && !reaches {
			delete(e.site.Routes, name)
		}
	}
}

// together: a service is where the one that needs it is.
func (r *ruler) together(service, need string, at []string) {
	do := "extend the `on` of service " + need + " to every host of " + service
	switch {
	case r.placed.elsewhere["services"][need]:
		r.fail(at, fmt.Sprintf("service %s is not on this host", need), do)
	case r.placed.apart("services", service, need):
		r.fail(at, fmt.Sprintf("service %s runs on no host of service %s", need, service), do)
	}
}
