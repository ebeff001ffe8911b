package reconciler

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

var ownServer = netip.MustParseAddrPort("127.0.0.1:9000")

func ownAt(host string) plan.Location {
	return plan.Location{Host: host, Path: "/.havn/hook", Exact: true, Route: plan.OwnRoute("hook"), Servers: []netip.AddrPort{ownServer}}
}

// The host's own path is where its requests go, and takes no path and no host name
// away from a route of the site.
func TestOwnLocations(t *testing.T) {
	at := func(host, path string) spec.Route {
		return spec.Route{Name: "r", Hosts: []string{host}, Paths: map[string]spec.Target{path: {Service: "web"}}}
	}
	for name, c := range map[string]struct {
		host  string
		route spec.Route
		// where is the host that the path is on; empty if it is on none.
		where string
	}{
		"others":                   {"_", at("_", "/"), "_"},
		"others, and no route has": {"_", at("a.test", "/"), "_"},
		"a host of a route":        {"a.test", at("a.test", "/"), "a.test"},
		"a host of no route":       {"b.test", at("a.test", "/"), "b.test"},
		"a host that _ takes":      {"b.test", at("_", "/"), "_"},
		"a host of a wildcard":     {"b.a.test", at("*.a.test", "/"), "*.a.test"},
		"another wildcard":         {"b.test", at("*.a.test", "/"), "b.test"},
		"a path of a route":        {"_", at("_", "/.havn/hook"), ""},
		"an exact path of a route": {"_", at("_", "=/.havn/hook"), ""},
		"below a path":             {"_", at("_", "/.havn"), "_"},
		"above a path":             {"_", at("_", "/.havn/hook/x"), "_"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig()
			o := watch(t, g)
			g.host.Push("web:1", "sha256:1", time.Second)
			s := site("r1", service("web", "web:1", 1))
			s.Routes = map[string]spec.Route{"r": c.route}
			g.own = []plan.Location{ownAt(c.host)}
			g.havn.Own = g.own
			g.deliver(s)
			if !g.settle(time.Hour) {
				t.Fatal("not settled")
			}
			o.ok()
			got := g.havn.Last()
			if err := got.Settled(); err != nil {
				t.Errorf("settled: %v", err)
			}
			var own, others []plan.Location
			for _, l := range got.Have.Gateway.Table.Locations {
				if l.Own() {
					own = append(own, l)
				} else {
					others = append(others, l)
				}
			}
			if want := plan.Locations(c.route); len(others) != len(want) || others[0].Key() != want[0].Key() || len(others[0].Servers) != 1 {
				t.Errorf("the site's own are %+v", others)
			}
			switch {
			case c.where == "" && (len(own) != 0 || len(got.Plan.Aside) != 1):
				t.Errorf("own %+v, aside %v", own, got.Plan.Aside)
			case c.where != "" && (len(own) != 1 || own[0].Host != c.where || !slices.Contains(own[0].Servers, ownServer) || len(got.Plan.Aside) != 0):
				t.Errorf("own %+v, aside %v", own, got.Plan.Aside)
			}
		})
	}
}

// A havn that is not told of own locations leaves them, one that has none drops them,
// and one that nginx refuses keeps nothing from converging.
func TestOwnLocationsComeAndGo(t *testing.T) {
	g := newRig()
	o := watch(t, g)
	g.host.Push("web:1", "sha256:1", time.Second)
	own := func() string {
		if !g.settle(time.Hour) || g.havn.Last().Settled() != nil {
			t.Fatalf("not settled: %v", g.havn.Last().Settled())
		}
		return fmt.Sprint(len(plan.OwnLocations(g.havn.Last().Have.Gateway.Table)), len(g.havn.Last().Plan.Aside))
	}
	g.havn.Own = []plan.Location{ownAt("_")}
	g.deliver(site("r1", service("web", "web:1", 1)))
	if got := own(); got != "1 0" {
		t.Errorf("at first: %s", got)
	}
	g.crash(time.Second)
	if got := own(); got != "1 0" {
		t.Errorf("with nothing said of it: %s", got)
	}
	g.crash(time.Second)
	g.havn.Own = []plan.Location{}
	if got := own(); got != "0 0" {
		t.Errorf("with none: %s", got)
	}
	g.crash(time.Second)
	g.havn.Own = []plan.Location{ownAt("_")}
	g.host.Reject = func(l plan.Location) string {
		if l.Own() {
			return "invalid location"
		}
		return ""
	}
	if got := own(); got != "0 1" {
		t.Errorf("refused: %s", got)
	}
	o.ok()
}
