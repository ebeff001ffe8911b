package docker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"havn.internal/reconciler/docker"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A site is one test's engine with a name and a subnet of its own, gone with
// everything on it when the test ends.
type site struct {
	*docker.Engine
	t      *testing.T
	config docker.Config
	ctx    context.Context
}

var sites atomic.Int32

func newSite(t *testing.T, change ...func(*docker.Config)) *site {
	t.Helper()
	c := docker.Config{
		Site: fmt.Sprintf("hd-%d-%d", os.Getpid(), sites.Add(1)), Subnet: freeSubnet(t), State: t.TempDir(),
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&c)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	e, err := docker.New(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{Engine: e, t: t, config: c, ctx: ctx}
	t.Cleanup(s.sweep)
	return s
}

// freeSubnet is a /24 that no network of the engine has.
func freeSubnet(t *testing.T) netip.Prefix {
	t.Helper()
	list, err := api.NetworkList(context.Background(), network.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	taken := map[string]bool{}
	for _, n := range list {
		for _, c := range n.IPAM.Config {
			taken[c.Subnet] = true
		}
	}
	for range 256 {
		n := (os.Getpid() + int(sites.Add(1))) % 256
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 202, byte(n), 0}), 24)
		if !taken[p.String()] {
			return p
		}
	}
	t.Fatal("no subnet is free")
	return netip.Prefix{}
}

// sweep removes everything that carries the site's label or is on its network.
func (s *site) sweep() {
	ctx := context.Background()
	mine := filters.NewArgs(filters.Arg("label", "havn.site="+s.config.Site))
	list, _ := api.ContainerList(ctx, container.ListOptions{All: true, Filters: mine})
	for _, c := range list {
		remove(s.t, c.ID)
	}
	if err := api.NetworkRemove(ctx, s.config.Site); err != nil && !strings.Contains(err.Error(), "not found") {
		s.t.Error(err)
	}
	volumes, _ := api.VolumeList(ctx, volume.ListOptions{Filters: mine})
	for _, v := range volumes.Volumes {
		if err := api.VolumeRemove(ctx, v.Name, true); err != nil {
			s.t.Error(err)
		}
	}
	_ = s.Close()
}

// service is a plain service; change says what is special about it.
func service(change ...func(*spec.Service)) spec.Service {
	s := spec.Service{
		Name: "web", Image: replicaImage, Replicas: 1, Port: 8080,
		Resources: spec.Resources{Pids: 64}, Health: spec.Health{Kind: spec.HealthTCP},
		Stop: spec.Stop{Signal: "SIGTERM", Grace: spec.Duration(10 * time.Second)}, Log: spec.Log{MaxSize: 1 << 20, MaxFiles: 2},
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

// replica is the start of a service's replica in a slot.
func (s *site) replica(service spec.Service, slot int) plan.Start {
	r := spec.Release{Service: service, ImageID: replicaID}
	f := r.Fingerprint(s.config.Site)
	addr := s.config.Subnet.Addr().As4()
	addr[3] = byte(10 + slot)
	return plan.Start{
		Name: plan.ContainerName(service.Name, f, slot), Slot: slot, Fingerprint: f, Release: r,
		Revision: "rev1", Addr: netip.AddrFrom4(addr),
	}
}

// start starts a replica on the site's network.
func (s *site) start(change ...func(*spec.Service)) plan.Start {
	s.t.Helper()
	a := s.replica(service(change...), 0)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	s.do(s.Start(s.ctx, a))
	return a
}

func (s *site) do(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// want is a site of one service.
func want(services ...spec.Service) spec.Site {
	w := spec.Site{Revision: "rev1", Services: map[string]spec.Service{}}
	for _, s := range services {
		w.Services[s.Name] = s
	}
	return w
}

func (s *site) observe(w spec.Site) plan.Observed {
	s.t.Helper()
	have, err := s.Observe(s.ctx, w)
	s.do(err)
	return have
}

// until observes until ok is satisfied with the container.
func (s *site) until(name, what string, ok func(plan.Container) bool) plan.Container {
	s.t.Helper()
	var c plan.Container
	wait(s.t, name+" "+what, func() bool {
		c = s.observe(want()).Containers[name]
		return ok(c)
	})
	return c
}

// wait polls until ok.
func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(5 * time.Minute); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("after a minute it is still not so that %s", what)
		}
	}
}

// get asks a replica and returns the status and the body.
func get(t *testing.T, a plan.Start, path string, query ...string) (int, string) {
	t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	var status int
	var body string
	wait(t, a.Name+" answers", func() bool {
		resp, err := http.Get("http://" + netip.AddrPortFrom(a.Addr, 8080).String() + path + "?" + values.Encode())
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		status, body = resp.StatusCode, string(text)
		return err == nil
	})
	return status, body
}

type report struct {
	Args, Env         []string
	Hostname, Workdir string
	UID, GID, PID     int
}

func ask(t *testing.T, a plan.Start) report {
	t.Helper()
	_, body := get(t, a, "/")
	var r report
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return r
}

func inspect(t *testing.T, name string) container.InspectResponse {
	t.Helper()
	i, err := api.ContainerInspect(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func (s *site) endpoint(addr netip.Addr) *network.NetworkingConfig {
	return &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
		s.config.Site: {IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: addr.String()}, Aliases: []string{"web"}},
	}}
}

// crash has the replica's process end by itself.
func crash(t *testing.T, a plan.Start) {
	t.Helper()
	ask(t, a)
	if resp, err := http.Get("http://" + netip.AddrPortFrom(a.Addr, 8080).String() + "/exit?code=9"); err == nil {
		_ = resp.Body.Close()
		t.Errorf("a replica that should have crashed answered %s", resp.Status)
	}
}
