package docker_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"havn.internal/reconciler/docker"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func TestNetworkIsMadeOnce(t *testing.T) {
	s := newSite(t)
	if have := s.observe(want()); have.Network.Exists {
		t.Fatal("there is a network before it is made")
	}
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	n := s.observe(want()).Network
	fixed := netip.PrefixFrom(s.config.Subnet.Addr(), 25)
	if !n.Exists || n.Problem != "" || n.Fixed != fixed || len(n.Taken) != 0 {
		t.Errorf("observed %+v, want it whole with the fixed part %s", n, fixed)
	}
}

func TestNetworkOfSomebodyElse(t *testing.T) {
	s := newSite(t)
	_, err := api.NetworkCreate(s.ctx, s.config.Site, network.CreateOptions{
		IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: s.config.Subnet.String()}}},
	})
	s.do(err)
	wantError(t, s.CreateNetwork(s.ctx, plan.CreateNetwork{}), "is not havn's", "--site")
	if n := s.observe(want()).Network; !strings.Contains(n.Problem, "is not havn's") {
		t.Errorf("its problem is %q", n.Problem)
	}
}

func TestNetworkWithAnotherSubnet(t *testing.T) {
	s := newSite(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	again := newSite(t, func(c *docker.Config) { c.Site = s.config.Site })
	wantError(t, again.CreateNetwork(s.ctx, plan.CreateNetwork{}), "has another subnet than "+again.config.Subnet.String())
}

func TestSubnetIsTaken(t *testing.T) {
	s := newSite(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	other := newSite(t, func(c *docker.Config) { c.Subnet = s.config.Subnet })
	wantError(t, other.CreateNetwork(s.ctx, plan.CreateNetwork{}), s.config.Subnet.String()+" is taken", "--subnet")
}

func TestForeignContainerHoldsAnAddress(t *testing.T) {
	s := newSite(t)
	a := s.start()
	foreign := plan.Start{Name: s.config.Site + "-foreign", Addr: a.Addr.Next()}
	s.foreign(foreign.Name, foreign.Addr)
	n := s.observe(want()).Network
	if len(n.Taken) != 1 || !n.Taken[foreign.Addr] {
		t.Errorf("taken are %v, want %s only", n.Taken, foreign.Addr)
	}
	// An address is also taken if it was ours before.
	s.do(s.Stop(s.ctx, plan.Stop{ID: a.Name}))
	remove(t, foreign.Name)
	s.foreign(foreign.Name, a.Addr)
	if n = s.observe(want()).Network; !n.Taken[a.Addr] {
		t.Errorf("taken are %v, want %s among them", n.Taken, a.Addr)
	}
}

// foreign runs a container of somebody else's on the site's network.
func (s *site) foreign(name string, addr netip.Addr) {
	s.t.Helper()
	_, err := api.ContainerCreate(s.ctx, &container.Config{Image: replicaImage}, nil, s.endpoint(addr), nil, name)
	s.do(err)
	s.t.Cleanup(func() { remove(s.t, name) })
	s.do(api.ContainerStart(s.ctx, name, container.StartOptions{}))
}

func TestVolumeIsMadeOnceAndStays(t *testing.T) {
	s := newSite(t)
	data := spec.Volume{Name: "data", Labels: map[string]string{"team": "red"}}
	w := want()
	w.Volumes = map[string]spec.Volume{"data": data}
	if have := s.observe(w); len(have.Volumes) != 0 {
		t.Fatalf("observed %v before it is made", have.Volumes)
	}
	s.do(s.CreateVolume(s.ctx, plan.CreateVolume{Volume: data}))
	s.do(s.CreateVolume(s.ctx, plan.CreateVolume{Volume: data}))
	if v, ok := s.observe(w).Volumes["data"]; !ok || v.Problem != "" {
		t.Errorf("observed %+v, %v", v, ok)
	}
	v, err := api.VolumeInspect(s.ctx, s.config.Site+"_data")
	s.do(err)
	if v.Labels["team"] != "red" || v.Driver != "local" || len(v.Options) != 0 {
		t.Errorf("made %+v", v)
	}
}

func TestVolumeOfSomebodyElse(t *testing.T) {
	s := newSite(t)
	name := s.config.Site + "_data"
	_, err := api.VolumeCreate(s.ctx, volume.CreateOptions{Name: name})
	s.do(err)
	t.Cleanup(func() { _ = api.VolumeRemove(context.Background(), name, true) })
	data := spec.Volume{Name: "data"}
	wantError(t, s.CreateVolume(s.ctx, plan.CreateVolume{Volume: data}), "havn did not make it", `adoptVolumes: ["data"]`, "docker volume rm "+name)
	w := want()
	w.Volumes = map[string]spec.Volume{"data": data}
	if v := s.observe(w).Volumes["data"]; !strings.Contains(v.Problem, "havn did not make it") {
		t.Errorf("its problem is %q", v.Problem)
	}
	if v := s.observe(want()).Volumes; len(v) != 0 {
		t.Errorf("observed %v, which the site has nothing to do with", v)
	}
	// The machine says that it is the site's, and it is used as it is.
	s.config.AdoptVolumes = []string{"data"}
	s = s.again()
	s.do(s.CreateVolume(s.ctx, plan.CreateVolume{Volume: data}))
	if v, there := s.observe(w).Volumes["data"]; !there || v.Problem != "" {
		t.Errorf("observed %v, %+v of a volume that is taken over", there, v)
	}
}

// What another havn made is not to be taken over.
func TestVolumeOfAnotherHavn(t *testing.T) {
	s := newSite(t, func(c *docker.Config) { c.AdoptVolumes = []string{"data"} })
	name := s.config.Site + "_data"
	_, err := api.VolumeCreate(s.ctx, volume.CreateOptions{Name: name, Labels: map[string]string{"havn.site": "other"}})
	s.do(err)
	t.Cleanup(func() { _ = api.VolumeRemove(context.Background(), name, true) })
	wantError(t, s.CreateVolume(s.ctx, plan.CreateVolume{Volume: spec.Volume{Name: "data"}}), "belongs to site other")
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

func wantText(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q does not say %q", text, part)
	}
}

func removeNetwork(t *testing.T, name string) {
	t.Helper()
	if err := api.NetworkRemove(context.Background(), name); err != nil {
		t.Error(err)
	}
}
