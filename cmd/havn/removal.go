package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"havn.internal/gitops"
	"havn.internal/spec"
)

// What a directory loses is taken away when it has stayed so for stayTime: a program that
// writes a file anew may remove it first, and one that copies a tree takes a while. A
// commit is whole, and needs none of that.
const (
	stayTime = 5 * time.Second
	stayLook = 250 * time.Millisecond
)

// loses names a service or a route, or a host or a path of one, that only the site before
// has; "" if there is none.
func loses(before, after spec.Site) string {
	for _, name := range before.ServiceNames() {
		if _, stays := after.Services[name]; !stays {
			return "service " + name
		}
	}
	reached := map[[2]string]bool{}
	for _, route := range after.Routes {
		for at := range locations(route) {
			reached[at] = true
		}
	}
	for _, name := range before.RouteNames() {
		for at := range locations(before.Routes[name]) {
			if !reached[at] {
				return "route " + name + " at " + at[0] + at[1]
			}
		}
	}
	return ""
}

// locations are the hosts and paths of a route.
func locations(r spec.Route) func(func([2]string) bool) {
	return func(yield func([2]string) bool) {
		for _, host := range r.Hosts {
			for _, path := range slices.Sorted(maps.Keys(r.Paths)) {
				if !yield([2]string{host, path}) {
					return
				}
			}
		}
	}
}

// before is the site that is wanted, or was last before this havn started.
func (d *daemon) before() spec.Site {
	if w, _, wanted := d.gate.Wanted(); wanted {
		return w.Site
	}
	if past := d.past(); len(past) > 0 {
		return past[len(past)-1].Site
	}
	return spec.Site{}
}

// stays waits where a directory loses something, and says whether it has stayed so.
func (d *daemon) stays(ctx context.Context, r gitops.Revision, lost string) bool {
	if r.Still == nil || lost == "" {
		return true
	}
	d.log.Info("the revision removes a service or a route; it is applied if the directory stays unchanged", "removes", lost, "for", stayTime)
	for end := time.Now().Add(stayTime); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(stayLook):
		}
		if !r.Still() {
			return false
		}
	}
	return true
}
