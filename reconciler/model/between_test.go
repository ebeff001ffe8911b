package model_test

import (
	"fmt"
	"slices"
	"testing"

	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func TestBetween(t *testing.T) {
	route := func(service string, paths ...string) spec.Route {
		r := spec.Route{Name: "r", Hosts: []string{"a.example"}, Paths: map[string]spec.Target{}}
		for _, p := range paths {
			r.Paths[p] = spec.Target{Service: service}
		}
		return r
	}
	from := spec.Site{
		Services: map[string]spec.Service{"web": {Name: "web", Image: "web:1", Replicas: 1}, "old": {Name: "old"}, "same": {Name: "same", Image: "same:1"}, "moved": {Name: "moved", Image: "moved:1"}},
		Routes:   map[string]spec.Route{"r": route("web", "/", "/gone")}, Volumes: map[string]spec.Volume{"data": {Name: "data"}},
	}
	to := spec.Site{
		Services: map[string]spec.Service{"web": {Name: "web", Image: "web:2", Replicas: 2}, "new": spec.Bare("new", 80), "same": {Name: "same", Image: "same:1"}, "moved": {Name: "moved", Image: "moved:1"}},
		Routes:   map[string]spec.Route{"r": route("new", "/", "/more")}, Volumes: map[string]spec.Volume{"data": {Name: "data"}, "more": {Name: "more"}},
	}
	before, after := map[string]string{"moved:1": "sha256:1", "same:1": "sha256:1"}, map[string]string{"moved:1": "sha256:2"}
	var got []string
	for _, c := range model.Between(from, to, before, after, plan.HideValues) {
		line := fmt.Sprint(c.Kind, " ", c.Service, c.Volume, c.Where)
		for _, f := range c.Fields {
			line += ", " + f.String()
		}
		got = append(got, line)
	}
	want := []string{
		"created more",
		`updated moved, imageID: 1 -> 2`,
		"created new, port: (none) -> 80, replicas: (none) -> 1",
		"removed old",
		`updated web, image: "web:1" -> "web:2", replicas: 1 -> 2`,
		`updated a.example/, service: "web" -> "new"`,
		"created a.example/more",
		"removed a.example/gone",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the changes are\n%q\nwant\n%q", got, want)
	}
	if c := model.Between(from, from, before, before, plan.HideValues); len(c) != 0 {
		t.Errorf("a site differs from itself: %v", c)
	}
}
