package docker

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"havn.internal/reconciler/nginx"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A view is what havn makes of an entry of a spec, for those that it tells: Docker,
// nginx, the prober, and its own plans. Two entries that differ in a field with an effect
// have two views.
type view map[string]string

func asText(v any) string {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		panic(err) // values without cycles
	}
	return string(text)
}

// openPolicy is that of a machine which lets specs have everything that it can be asked
// for: what is refused in these tests is refused by the spec alone.
func openPolicy(bind string) spec.Policy {
	most := int64(1) << 60
	return spec.Policy{
		Capabilities: []string{"ALL"}, Publish: []string{"*:*"}, Binds: []string{bind},
		Limits: spec.Limits{Pids: most, Log: most, Tmpfs: most, Replicas: 1000},
	}
}

// serviceView is the view of a service of a site.
func serviceView(t *testing.T, e *Engine, site spec.Site, s spec.Service) view {
	t.Helper()
	release := spec.Release{Service: s, ImageID: "sha256:1"}
	b, err := e.build(plan.Start{Name: "x-00000000-1", Slot: 1, Release: release, Addr: netip.MustParseAddr("10.0.0.2")}, plan.Word{
		Check: plan.Check{Interval: 30 * time.Second, Timeout: 30 * time.Second, Failures: 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(b.config.Labels, func(name, _ string) bool { return strings.HasPrefix(name, "havn.") })
	return view{
		"docker": asText([]any{b.config, b.host, b.net}),
		"probe":  probed(s.Health),
		"plan":   planned(site, s),
		"site":   beside(s),
	}
}

// beside is what another service that writes to the same volumes meets.
func beside(s spec.Service) string {
	other := spec.Service{Name: "y", Image: "y:1", Health: s.Health, Rollout: s.Rollout, Stop: s.Stop, Log: s.Log, Volumes: map[string]spec.VolumeMount{}}
	volumes := map[string]spec.Volume{}
	for path, m := range s.Volumes {
		m.ReadOnly, m.Shared = false, true
		other.Volumes[path], volumes[m.Volume] = m, spec.Volume{Name: m.Volume}
	}
	site := spec.Site{Services: map[string]spec.Service{"x": s, "y": other}, Volumes: volumes}
	if err := site.Check(); err != nil {
		return err.Error()
	}
	return "no objection"
}

// probed is what the prober goes by; package probe shows that it does. Where Docker runs
// the check, it is in Docker's view.
func probed(h spec.Health) string {
	switch {
	case h.Kind == spec.HealthExec || h.Kind == spec.HealthImage:
		return ""
	case h.Kind == spec.HealthTCP || h.Kind == spec.HealthAuto && h.Port != 0:
		h.Path, h.Host, h.Headers, h.Status, h.Settle = "", "", nil, [2]int{}, 0
	case h.Kind == spec.HealthHTTP:
		h.Settle = 0
	}
	h.Command = nil
	return asText(h)
}

// planned is what plans are made of the service at each moment of its life.
func planned(site spec.Site, s spec.Service) string {
	var b strings.Builder
	for _, moment := range moments {
		fmt.Fprintf(&b, "== %s\n%s", moment.name, moment.plan(site, s))
	}
	return b.String()
}

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// A moment is a state of the host in which a service has a plan.
type moment struct {
	name string
	set  func(h *plan.Observed, s spec.Service)
}

var moments = []moment{
	{"nothing is there", func(h *plan.Observed, _ spec.Service) { h.Images = map[string]plan.Image{} }},
	{"the image is there", func(h *plan.Observed, s spec.Service) { h.Images[s.Image] = plan.Image{ID: "sha256:1", Pulled: true} }},
	{"the image was there before the revision", func(h *plan.Observed, s spec.Service) { h.Images[s.Image] = plan.Image{ID: "sha256:1"} }},
	{"the release before runs", func(h *plan.Observed, s spec.Service) { before(h, s) }},
	{"the fresh replicas are not ready", func(h *plan.Observed, s spec.Service) {
		before(h, s)
		replicas(h, s, plan.Health{Last: "GET /: 503"})
	}},
	{"the fresh replicas are ready and routed", func(h *plan.Observed, s spec.Service) {
		before(h, s)
		replicas(h, s, healthy)
		route(h, s)
	}},
	{"the fresh release is condemned", func(h *plan.Observed, s spec.Service) {
		before(h, s)
		replicas(h, s, plan.Health{Last: "GET /: 503"})
		h.Verdicts[plan.VerdictKey{Service: s.Name, Fingerprint: fingerprint(s)}] = plan.Verdict{Reason: "exited with code 1", At: now}
	}},
	{"more replicas run than are wanted", func(h *plan.Observed, s spec.Service) {
		h.LastGood[s.Name] = spec.Release{Service: s, ImageID: "sha256:1"}
		replicas(h, s, healthy)
		add(h, s, 9, healthy)
		route(h, s)
		h.Gateway.Unrouted[netip.AddrPortFrom(address(s, 9), 80)] = plan.Drain{Since: now.Add(-time.Second)}
	}},
	{"more replicas run, and are drained", func(h *plan.Observed, s spec.Service) {
		h.LastGood[s.Name] = spec.Release{Service: s, ImageID: "sha256:1"}
		replicas(h, s, healthy)
		add(h, s, 9, healthy)
		route(h, s)
	}},
	{"a start fails again and again", func(h *plan.Observed, s spec.Service) {
		before(h, s)
		name := plan.ContainerName(s.Name, fingerprint(s), 1)
		h.Failures[plan.Start{Name: name}.Key()] = plan.Failure{Err: "no space left on device", Count: 9, Retry: now.Add(time.Minute)}
		h.Trying = map[plan.VerdictKey]time.Time{{Service: s.Name, Fingerprint: fingerprint(s)}: now.Add(-3 * time.Minute)}
	}},
}

var healthy = plan.Health{Ready: true, Since: now.Add(-2 * time.Second)}

func fingerprint(s spec.Service) spec.Fingerprint {
	return spec.Release{Service: s, ImageID: "sha256:1"}.Fingerprint("site")
}

func address(s spec.Service, slot int) netip.Addr {
	third := byte(1)
	if _, old := s.Env["OLD"]; old {
		third = 2
	}
	return netip.AddrFrom4([4]byte{10, 0, third, byte(slot)})
}

// add puts a replica on the host.
func add(h *plan.Observed, s spec.Service, slot int, health plan.Health) {
	name := plan.ContainerName(s.Name, fingerprint(s), slot)
	h.Containers[name] = plan.Container{
		ID: name, Name: name, Service: s.Name, Fingerprint: fingerprint(s), Slot: slot, Release: spec.Release{Service: s, ImageID: "sha256:1"},
		Addr: address(s, slot), State: plan.Running, CreatedAt: now.Add(-30 * time.Second), StartedAt: now.Add(-30 * time.Second), Health: health,
	}
}

func replicas(h *plan.Observed, s spec.Service, health plan.Health) {
	h.Images[s.Image] = plan.Image{ID: "sha256:1", Pulled: true}
	for slot := range s.Replicas {
		add(h, s, slot+1, health)
	}
}

// before puts the release before on the host, which serves.
func before(h *plan.Observed, s spec.Service) {
	h.Images[s.Image] = plan.Image{ID: "sha256:1", Pulled: true}
	s.Env = map[string]string{"OLD": "1"}
	h.LastGood[s.Name] = spec.Release{Service: s, ImageID: "sha256:1"}
	replicas(h, s, healthy)
	route(h, s)
}

// route has the gateway send requests to the replicas that the service wants.
func route(h *plan.Observed, s spec.Service) {
	l := plan.Location{Host: "x.example.no", Path: "/", Route: "x", Target: spec.Target{Service: s.Name}}
	for slot := range s.Replicas {
		a := netip.AddrPortFrom(address(s, slot+1), uint16(s.Port))
		l.Servers = append(l.Servers, a)
		h.Gateway.Routed[a] = now.Add(-2 * time.Second)
	}
	if s.Port != 0 {
		h.Gateway.Table = plan.Table{Locations: []plan.Location{l}}
	}
}

// plan is the plan of the moment as far as it does not repeat the spec: no names made of
// fingerprints, no lists of what changed.
func (m moment) plan(site spec.Site, s spec.Service) string {
	h := plan.Observed{
		Site: "site", Network: plan.Network{Exists: true, Fixed: netip.MustParsePrefix("10.0.8.0/24")},
		Containers: map[string]plan.Container{}, Volumes: map[string]plan.Volume{}, Images: map[string]plan.Image{}, Verdicts: map[plan.VerdictKey]plan.Verdict{},
		LastGood: map[string]spec.Release{}, Policy: openPolicy("/"), Failures: map[string]plan.Failure{},
		Gateway: plan.Gateway{Running: true, Generation: 1, Routed: map[netip.AddrPort]time.Time{}, Unrouted: map[netip.AddrPort]plan.Drain{}},
	}
	want := site
	want.Routes, want.Services = map[string]spec.Route{}, map[string]spec.Service{s.Name: s}
	for _, need := range s.Needs {
		want.Services[need] = site.Services[need]
	}
	if s.Port != 0 {
		want.Routes["x"] = spec.Route{Name: "x", Hosts: []string{"x.example.no"}, Paths: map[string]spec.Target{"/": {Service: s.Name}}}
	}
	for name := range site.Volumes {
		h.Volumes[name] = plan.Volume{}
	}
	m.set(&h, s)
	p := plan.Make(want, h, now)
	var lines []string
	hide := strings.NewReplacer(fingerprint(s).Short(), "FRESH", " "+fingerprint(old(s)).Short(), " STALE", "-"+fingerprint(old(s)).Short(), "-STALE")
	for _, step := range p.Steps {
		line := "do " + step.Action.String()
		switch a := step.Action.(type) {
		case plan.Stop:
			line += fmt.Sprintf(", signal %q, grace %s", a.Signal, a.Grace)
		case plan.Pull:
			line += fmt.Sprintf(", within %s", a.Deadline)
		}
		lines = append(lines, line)
	}
	for _, w := range p.Waits {
		lines = append(lines, fmt.Sprintf("wait for %s until %s: %s", w.For, w.Until.Sub(now), w.Why))
	}
	for _, b := range p.Blocked {
		lines = append(lines, "blocked: "+b.Why)
	}
	for _, standing := range p.Services {
		if standing.Service == s.Name {
			lines = append(lines, fmt.Sprintf("%s, %d wanted: %s", standing.Phase, standing.Wanted, standing.Detail))
		}
	}
	for i := range lines {
		lines[i] = hide.Replace(lines[i]) + "\n"
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func old(s spec.Service) spec.Service {
	s.Env = map[string]string{"OLD": "1"}
	return s
}

// routeView is what nginx is told of a route while its services run, and while no
// replica of them is ready.
func routeView(t *testing.T, site spec.Site, r spec.Route) view {
	t.Helper()
	running, down := plan.Table{}, plan.Table{}
	for _, l := range plan.Locations(r) {
		l.Route = "x"
		down.Locations = append(down.Locations, l)
		port, _ := site.Services[l.Target.Service].PortNumber(l.Target.Port)
		if l.Target.Service != "" {
			l.Servers = []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), uint16(port))}
		}
		running.Locations = append(running.Locations, l)
	}
	return view{"nginx": rendered(t, running), "503": rendered(t, down)}
}

var hashes = regexp.MustCompile(`u_[0-9a-f]+|return 200 "1 [0-9a-f]+"`)

func rendered(t *testing.T, table plan.Table) string {
	t.Helper()
	table.Sort()
	conf, err := nginx.Render(nginx.Settings{Dir: "/d", Listen: []string{"127.0.0.1:80"}}, table, 1)
	if err != nil {
		t.Errorf("nginx can't be told of a route that check accepts: %v", err)
	}
	return hashes.ReplaceAllString(string(conf), "HASH")
}
