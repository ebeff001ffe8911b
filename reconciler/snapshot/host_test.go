package snapshot_test

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/reconciler/snapshot"
	"havn.internal/spec"
)

var moment = time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)

const secret = "s3cret-value"

func service(name string, replicas int) spec.Service {
	return spec.Service{
		Name: name, Image: "acme/" + name + ":1", Replicas: replicas, Port: 80, Pull: spec.PullMissing,
		Env: map[string]string{"TOKEN": secret, "MODE": "a"}, Command: []string{"run", "--password=" + secret},
		Files:  map[string]spec.File{"/etc/x": {SHA256: secret, Content: secret}},
		Labels: map[string]string{"auth": secret},
		Health: spec.Health{Kind: spec.HealthTCP, Port: 80, Interval: spec.Duration(time.Second), Failures: 3, Successes: 1, Headers: map[string]string{"X": secret}},
		Rollout: spec.Rollout{
			Strategy: spec.Rolling, Surge: 1, Watch: spec.Duration(10 * time.Second), Drain: spec.Duration(30 * time.Second),
			PullDeadline: spec.Duration(time.Minute), HealthyDeadline: spec.Duration(time.Minute), ProgressDeadline: spec.Duration(5 * time.Minute),
		},
		Stop: spec.Stop{Signal: "SIGTERM", Grace: spec.Duration(10 * time.Second)},
	}
}

// site has the named services, each with a volume and a route.
func site(names ...string) spec.Site {
	out := spec.Site{Revision: "r1", Services: map[string]spec.Service{}, Routes: map[string]spec.Route{}, Volumes: map[string]spec.Volume{}}
	for _, name := range names {
		s := service(name, 2)
		s.Volumes = map[string]spec.VolumeMount{"/data": {Volume: name + "-data", Shared: true}}
		out.Services[name] = s
		out.Volumes[name+"-data"] = spec.Volume{Name: name + "-data"}
		out.Routes[name] = spec.Route{Name: name, Hosts: []string{name + ".test"}, Paths: map[string]spec.Target{
			"/": {Service: name, Options: spec.Options{Headers: spec.Headers{Request: map[string]string{"Authorization": secret}}}},
		}}
	}
	return out
}

// at is a host on which a site has converged, with traces of what was before.
func at(want spec.Site) plan.Observed {
	have := plan.Observed{
		Site:       "acme",
		Network:    plan.Network{Exists: true, Fixed: netip.MustParsePrefix("10.1.0.0/25"), Taken: map[netip.Addr]bool{netip.MustParseAddr("10.1.0.2"): true}},
		Containers: map[string]plan.Container{}, Volumes: map[string]plan.Volume{}, Images: map[string]plan.Image{}, LastGood: map[string]spec.Release{},
		Gateway:    plan.Gateway{Running: true, Generation: 3, Routed: map[netip.AddrPort]time.Time{}, Unrouted: map[netip.AddrPort]plan.Drain{}},
		Taken:      map[string]string{"db": "a container of image db", "web-0a0b0c0d-1": "a container of image x"},
		Verdicts:   map[plan.VerdictKey]plan.Verdict{},
		Quarantine: map[netip.Addr]bool{netip.MustParseAddr("10.1.0.3"): true},
	}
	addr := netip.MustParseAddr("10.1.0.4")
	for _, name := range want.ServiceNames() {
		r := spec.Release{Service: want.Services[name], ImageID: "sha256:" + name}.Stored()
		f := r.Fingerprint(have.Site)
		have.Images[r.Service.Image], have.LastGood[name] = plan.Image{ID: r.ImageID}, r
		for slot := 1; slot <= r.Service.Replicas; slot++ {
			c := plan.Container{
				ID: plan.ContainerName(name, f, slot), Name: plan.ContainerName(name, f, slot), Service: name, Fingerprint: f, Slot: slot,
				Revision: want.Revision, Release: r, Addr: addr, State: plan.Running, CreatedAt: moment.Add(-time.Hour), StartedAt: moment.Add(-time.Hour),
				Health: plan.Health{Ready: true, Since: moment.Add(-time.Hour), Last: secret},
			}
			have.Containers[c.Name] = c
			addr = addr.Next()
		}
		v := plan.VerdictKey{Service: name, Fingerprint: "deadbeef00"}
		have.Verdicts[v] = plan.Verdict{Reason: name + " was not ready within 1m0s: said " + secret, At: moment}
	}
	for name := range want.Volumes {
		have.Volumes[name] = plan.Volume{}
	}
	for _, name := range want.RouteNames() {
		for _, l := range plan.Locations(want.Routes[name]) {
			for _, c := range have.Containers {
				if c.Service == l.Target.Service {
					l.Servers = append(l.Servers, netip.AddrPortFrom(c.Addr, 80))
					have.Gateway.Routed[netip.AddrPortFrom(c.Addr, 80)] = moment.Add(-time.Hour)
				}
			}
			have.Gateway.Table.Locations = append(have.Gateway.Table.Locations, l)
		}
	}
	own := plan.Location{Host: "_", Path: "/.havn/hook", Route: plan.OwnRoute("hook"), Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")}}
	own.Target.Options.Headers.Request = map[string]string{"X-Secret": secret}
	have.Own = []plan.Location{own}
	have.Gateway.Table.Locations = append(have.Gateway.Table.Locations, own)
	have.Gateway.Table.Sort()
	return have
}

// file is the snapshot of a host as it is written.
func file(t testing.TB, have plan.Observed) []byte {
	t.Helper()
	s := snapshot.Take(have)
	s.At, s.Havn, s.Host, s.Revision = moment, "test", spec.Host{Name: "web-1"}, "r1"
	for ref, i := range have.Images {
		s.Pins[ref] = i.ID
	}
	text, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// with is a site with one service changed.
func with(want spec.Site, name string, change func(*spec.Service)) spec.Site {
	want.Services = maps.Clone(want.Services)
	s := want.Services[name]
	s.Env = maps.Clone(s.Env)
	change(&s)
	want.Services[name] = s
	want.Revision = "r2"
	return want
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
