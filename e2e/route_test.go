//go:build e2e

package e2e

import (
	"testing"

	"havn.internal/e2e/traffic"
)

// comeFrom waits until new connections to a host are answered by a service.
func (s *scenario) comeFrom(host, service string) {
	s.t.Helper()
	var last traffic.Answer
	var err error
	s.poll(host+" is answered by "+service, func() bool {
		last, err = traffic.Get(s.t.Context(), s.http(), host, "/")
		return err == nil && last.Service == service
	}, func() string { return last.Service })
}

// loadAny is load where the service that answers may be any of the two.
func (s *scenario) loadAny(hosts ...string) {
	for _, host := range hosts {
		s.load(host, "")
	}
}

func TestHostNamesSwappedInOneCommit(t *testing.T) {
	services := site(svc("blue", "1"), svc("red", "1"))
	s := newScenario(t)
	hello(t, "1")
	s.write(site(services, route("blue.test", "blue"), route("red.test", "red")))
	s.start()
	s.converge()
	s.loadAny("blue.test", "red.test")
	s.comeFrom("blue.test", "blue")
	s.apply(site(services, route("blue.test", "red"), route("red.test", "blue")))
	s.comeFrom("blue.test", "red")
	s.comeFrom("red.test", "blue")
	// By the name of the routes, and not only by that of their services.
	s.apply(site(services, `routes: one: {hosts: ["red.test"], paths: "/": service: "red"}`,
		`routes: two: {hosts: ["blue.test"], paths: "/": service: "blue"}`))
	s.comeFrom("blue.test", "blue")
	s.apply(site(services, `routes: two: {hosts: ["red.test"], paths: "/": service: "red"}`,
		`routes: one: {hosts: ["blue.test"], paths: "/": service: "blue"}`))
	s.comeFrom("red.test", "red")
	s.finish()
}

func TestARouteMovesToANewServiceInTheCommitThatRemovesTheOldOne(t *testing.T) {
	s := newScenario(t)
	hello(t, "1", "2")
	s.write(site(svc("old", "1"), route("web.test", "old")))
	s.start()
	s.converge()
	s.loadAny("web.test")
	s.apply(site(svc("new", "2", `env: READY: "1s"`), route("web.test", "new")))
	s.comeFrom("web.test", "new")
	if left := s.replicas("old"); len(left) > 0 {
		t.Errorf("the removed service still runs: %q", left)
	}
	s.answers("2")
	s.finish()
}

func TestPathsAreRoutedAnew(t *testing.T) {
	services := site(svc("web", "1"), svc("api", "1"))
	s := newScenario(t)
	hello(t, "1")
	s.write(site(services, `routes: r: {hosts: ["web.test"], paths: {"/": service: "web", "/api": service: "api"}}`))
	s.start()
	s.converge()
	s.load("web.test", "web", "1")
	ask := func(path string) (a traffic.Answer) {
		t.Helper()
		a, err := traffic.Get(t.Context(), s.http(), "web.test", path)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := ask("/api/x"); a.Service != "api" || a.Path != "/api/x" {
		t.Errorf("/api/x arrived as %s at %s", a.Path, a.Service)
	}
	s.apply(site(services, `routes: r: {hosts: ["web.test"], paths: {"/": service: "web", "/v2": {service: "api", strip: true}}}`))
	if a := ask("/v2/x"); a.Service != "api" || a.Path != "/x" {
		t.Errorf("/v2/x arrived as %s at %s", a.Path, a.Service)
	}
	if a := ask("/api/x"); a.Service != "web" {
		t.Errorf("/api/x is still answered by %s", a.Service)
	}
	s.finish()
}

// A service whose image is not to be had holds up nobody else.
func TestATroubledServiceHoldsUpNoOther(t *testing.T) {
	s := running(t, web("1"), "1", "2")
	sick := site(svc("sick", "no-such-version"), route("sick.test", "sick"))
	for _, version := range []string{"2", "1", "2"} {
		s.write(site(web(version), sick))
		s.answers(version)
	}
	s.apply(web("2"))
	s.finish()
}
