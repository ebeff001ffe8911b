package model_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

var start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func service(name, image string, replicas int) spec.Service {
	return spec.Service{
		Name: name, Image: image, Replicas: replicas, Port: 80,
		Health: spec.Health{Kind: spec.HealthTCP, Port: 80, Interval: spec.Duration(time.Second), Failures: 3, Successes: 1},
		Rollout: spec.Rollout{
			Strategy: spec.Rolling, Surge: 1, Watch: spec.Duration(10 * time.Second), Drain: spec.Duration(30 * time.Second),
			PullDeadline: spec.Duration(time.Minute), HealthyDeadline: spec.Duration(time.Minute), ProgressDeadline: spec.Duration(5 * time.Minute),
		},
		Stop: spec.Stop{Signal: "SIGTERM", Grace: spec.Duration(10 * time.Second)},
	}
}

func empty() plan.Observed {
	return plan.Observed{Site: "t", Network: plan.Network{Fixed: netip.MustParsePrefix("10.1.0.0/25")}}
}

// grown is the host after a forecast of want has come true.
func grown(t *testing.T, want spec.Site) plan.Observed {
	t.Helper()
	have := empty()
	have.Network.Exists = true
	have.Volumes, have.Images = map[string]plan.Volume{}, map[string]plan.Image{}
	have.Containers, have.LastGood = map[string]plan.Container{}, map[string]spec.Release{}
	have.Gateway = plan.Gateway{Running: true, Generation: 1, Routed: map[netip.AddrPort]time.Time{}}
	addr := netip.MustParseAddr("10.1.0.2")
	for _, name := range want.ServiceNames() {
		s := want.Services[name]
		r := spec.Release{Service: s, ImageID: "sha256:" + s.Image}
		f := r.Fingerprint("t")
		have.Images[s.Image] = plan.Image{ID: r.ImageID}
		have.LastGood[name] = r
		for slot := 1; slot <= s.Replicas; slot++ {
			c := plan.Container{
				ID: plan.ContainerName(name, f, slot), Name: plan.ContainerName(name, f, slot), Service: name, Fingerprint: f, Slot: slot,
				Release: r, Addr: addr, State: plan.Running, StartedAt: start, Health: plan.Health{Ready: true, Since: start},
			}
			have.Containers[c.Name] = c
			addr = addr.Next()
		}
	}
	for _, name := range want.RouteNames() {
		for _, l := range plan.Locations(want.Routes[name]) {
			for _, c := range have.Containers {
				if c.Service == l.Target.Service {
					l.Servers = append(l.Servers, netip.AddrPortFrom(c.Addr, 80))
					have.Gateway.Routed[netip.AddrPortFrom(c.Addr, 80)] = start
				}
			}
			have.Gateway.Table.Locations = append(have.Gateway.Table.Locations, l)
		}
	}
	have.Gateway.Table.Sort()
	return have
}

func site(services ...spec.Service) spec.Site {
	out := spec.Site{Services: map[string]spec.Service{}, Routes: map[string]spec.Route{}, Volumes: map[string]spec.Volume{}}
	for _, s := range services {
		out.Services[s.Name] = s
		out.Routes[s.Name] = spec.Route{Name: s.Name, Hosts: []string{s.Name + ".test"}, Paths: map[string]spec.Target{"/": {Service: s.Name}}}
	}
	return out
}

func road(t *testing.T, want spec.Site, have plan.Observed) model.Road {
	t.Helper()
	r := model.Forecast(want, have, start.Add(time.Hour))
	if !r.Converges {
		text, err := json.MarshalIndent(r, "", " ")
		t.Fatalf("the road does not converge: %s %v", text, err)
	}
	return r
}

func TestForecastOfAFirstStart(t *testing.T) {
	want := site(service("web", "web:1", 2))
	want.Volumes["data"] = spec.Volume{Name: "data"}
	r := road(t, want, empty())
	if len(r.Changes) != 3 || r.Changes[1].Kind != model.Created || r.Changes[1].Downtime || r.Steps[0].Act != "create network" {
		t.Fatalf("got %+v", r)
	}
}

func TestForecastOfNothing(t *testing.T) {
	want := site(service("web", "web:1", 2))
	if r := road(t, want, grown(t, want)); r.Pending() {
		t.Fatalf("a converged host has changes: %+v", r)
	}
}

func TestForecastOfAnUpdate(t *testing.T) {
	have := grown(t, site(service("web", "web:1", 2)))
	r := road(t, site(service("web", "web:2", 2)), have)
	if len(r.Changes) != 1 {
		t.Fatalf("got %+v", r.Changes)
	}
	c := r.Changes[0]
	if c.Kind != model.Updated || c.Downtime || len(c.Fields) != 2 || c.Fields[0].New != `"web:2"` || c.Fields[1].New != "(to be pulled)" {
		t.Fatalf("got %+v", c)
	}
}

// What nobody can know yet is not made up.
func TestForecastInventsNoRelease(t *testing.T) {
	have := grown(t, site(service("web", "web:1", 1)))
	want := site(service("web", "web:2", 1))
	r := road(t, want, have)
	var text strings.Builder
	for _, s := range r.Steps {
		text.WriteString(s.Act + "; " + s.Why + "\n")
	}
	if !strings.Contains(text.String(), "start web-NEW-1") || !strings.Contains(text.String(), "prove release NEW") || !strings.Contains(text.String(), "replaced by release NEW") {
		t.Errorf("the road is\n%s", text.String())
	}
}

func TestForecastNamesTheOutage(t *testing.T) {
	old, fresh := service("db", "db:1", 1), service("db", "db:2", 1)
	for _, s := range []*spec.Service{&old, &fresh} {
		s.Rollout.Strategy, s.Rollout.Surge, s.Rollout.Forced = spec.Recreate, 0, "volume data has one writer"
	}
	c := road(t, site(fresh), grown(t, site(old))).Changes[0]
	if !c.Downtime || c.Outage <= 0 || c.Outage.Std() > 5*time.Second || c.OutageWhy != "volume data has one writer" {
		t.Fatalf("got %+v", c)
	}
}

// What a service gives up is named at that service, also where it leaves the site.
func TestForecastOfAHandOver(t *testing.T) {
	holding := func(name, image string) spec.Service {
		s := service(name, image, 1)
		s.Volumes = map[string]spec.VolumeMount{"/data": {Volume: "data"}}
		s.Rollout.Strategy, s.Rollout.Surge, s.Rollout.Forced = spec.Recreate, 0, "volume data has one writer"
		return s
	}
	withVolume := func(s spec.Site) spec.Site {
		s.Volumes = map[string]spec.Volume{"data": {Name: "data"}}
		return s
	}
	splits := service("app", "app:2", 1)
	splits.Needs = []string{"db"}
	for name, c := range map[string]struct {
		before, after spec.Site
		gives         string
	}{
		"renamed":           {site(holding("db", "db:1")), site(holding("pg", "db:1")), "db"},
		"given to its need": {site(holding("app", "app:1")), site(splits, holding("db", "db:1")), "app"},
	} {
		r := road(t, withVolume(c.after), grown(t, withVolume(c.before)))
		found := false
		for _, change := range r.Changes {
			if change.Service != c.gives {
				continue
			}
			found = true
			if !change.Downtime || change.Outage <= 0 || change.Outage.Std() > 5*time.Second || !strings.HasPrefix(change.OutageWhy, "volume data goes to ") {
				t.Errorf("%s: %+v", name, change)
			}
		}
		if !found || !r.Converges {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestForecastOfScalingAndRemoval(t *testing.T) {
	have := grown(t, site(service("web", "web:1", 2), service("old", "old:1", 1)))
	r := road(t, site(service("web", "web:1", 3)), have)
	if len(r.Changes) != 3 || r.Changes[0].Kind != model.Scaled || r.Changes[1].Kind != model.Removed || r.Changes[2].Route != "old" {
		t.Fatalf("got %+v", r.Changes)
	}
}

func TestHash(t *testing.T) {
	want := site(service("web", "web:1", 2))
	base := model.Hash(want, grown(t, want))
	later := grown(t, want)
	for name, c := range later.Containers {
		c.Health = plan.Health{}
		later.Containers[name] = c
	}
	if model.Hash(want, later) != base {
		t.Error("the hash depends on the last probe")
	}
	for name, c := range later.Containers {
		c.State = plan.Exited
		later.Containers[name] = c
	}
	if model.Hash(want, later) == base {
		t.Error("the hash does not depend on what runs")
	}
	if model.Hash(site(service("web", "web:1", 3)), grown(t, want)) == base {
		t.Error("the hash does not depend on the spec")
	}
}

// What needs no new container is a change all the same, until it has been taken over.
func TestForecastOfAChangeInPlace(t *testing.T) {
	want := site(service("web", "web:1", 2))
	have := grown(t, want)
	s := want.Services["web"]
	s.Health.Interval = spec.Duration(7 * time.Second)
	want.Services["web"] = s
	r := road(t, want, have)
	if len(r.Changes) != 1 || r.Changes[0].Kind != model.Adjusted || r.Changes[0].Downtime || r.Changes[0].Strategy != "" ||
		len(r.Changes[0].Fields) != 1 || r.Changes[0].Fields[0].Field != "health.interval" {
		t.Fatalf("got %+v", r.Changes)
	}
	if len(r.Steps) != 1 || r.Steps[0].Why != `health.interval: "1s" -> "7s"` {
		t.Fatalf("got %+v", r.Steps)
	}
	if r := road(t, want, grown(t, want)); r.Pending() {
		t.Fatalf("what has been taken over is pending: %+v", r)
	}
}

func TestForecastOfAServiceThatNobodyWantsAReplicaOf(t *testing.T) {
	have := grown(t, site(service("web", "web:1", 2)))
	want := site(service("web", "web:1", 0))
	c := road(t, want, have).Changes[0]
	if c.Kind != model.Scaled || !c.Downtime || c.Outage != 0 || c.OutageWhy == "" {
		t.Errorf("got %+v", c)
	}
	clear(have.Containers)
	for i := range have.Gateway.Table.Locations {
		have.Gateway.Table.Locations[i].Servers = nil
	}
	if r := road(t, want, have); r.Pending() {
		t.Errorf("there is something to do for a service with 0 replicas: %+v", r)
	}
}

// An image that goes is told, and is nothing pending: the site is as the specs say.
func TestForecastOfCleanup(t *testing.T) {
	now := time.Now()
	have := plan.Observed{
		Site: "s", Network: plan.Network{Exists: true, Fixed: netip.MustParsePrefix("10.0.0.0/25")},
		Stored:    map[string]plan.StoredImage{"sha256:1": {Names: []string{"web:1"}, Size: 1}},
		Fetched:   map[string]plan.FetchedImage{"sha256:1": {Refs: []string{"web:1"}, Unneeded: now.Add(-2 * time.Hour)}},
		Retention: plan.Retention{Keep: time.Hour},
	}
	r := model.Forecast(spec.Site{}, have, now)
	if r.Pending() || !r.Converges || len(r.Cleanup) != 1 || len(r.Steps) != 0 {
		t.Errorf("the road is %+v", r)
	}
	tagged := have.Stored["sha256:1"]
	tagged.Names = append(tagged.Names, "mine:1")
	have.Stored["sha256:1"] = tagged
	if r := model.Forecast(spec.Site{}, have, now); len(r.Cleanup) != 0 {
		t.Errorf("an image that somebody tagged goes: %+v", r.Cleanup)
	}
}
