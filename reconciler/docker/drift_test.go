package docker_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// What a person can change on a container that runs is seen.
func TestDrift(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	limits := func(w *spec.Service) { w.Resources = spec.Resources{NanoCPUs: 1e9, Memory: 64 << 20, Pids: 64} }
	s.start(limits)
	other := s.config.Site + "-other"
	_, err := api.NetworkCreate(s.ctx, other, network.CreateOptions{
		IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: freeSubnet(t).String()}}},
	})
	s.do(err)
	t.Cleanup(func() { removeNetwork(t, other) })
	pids := int64(32)
	update := func(u container.UpdateConfig) func(string) error {
		return func(name string) error {
			_, err := api.ContainerUpdate(s.ctx, name, u)
			return err
		}
	}
	for slot, c := range []struct {
		says   string
		change func(name string) error
	}{
		{"", func(string) error { return nil }},
		{"restart policy is no, should be unless-stopped", update(container.UpdateConfig{RestartPolicy: container.RestartPolicy{Name: "no"}})},
		{"memory limit is 33554432, should be 67108864", update(container.UpdateConfig{Resources: container.Resources{Memory: 32 << 20, MemorySwap: 64 << 20}})},
		{"limit of memory and swap is 134217728, should be", update(container.UpdateConfig{Resources: container.Resources{MemorySwap: 128 << 20}})},
		{"CPU limit in nano CPUs is 500000000, should be 1000000000", update(container.UpdateConfig{Resources: container.Resources{NanoCPUs: 5e8}})},
		{"CPU shares is 64, should be 0", update(container.UpdateConfig{Resources: container.Resources{CPUShares: 64}})},
		{"bound to processors", update(container.UpdateConfig{Resources: container.Resources{CpusetCpus: "0"}})},
		{"limit of processes is 32, should be 64", update(container.UpdateConfig{Resources: container.Resources{PidsLimit: &pids}})},
		{"disconnected from the network", func(name string) error { return api.NetworkDisconnect(s.ctx, s.config.Site, name, true) }},
		{"connected to network " + other, func(name string) error { return api.NetworkConnect(s.ctx, other, name, nil) }},
		{"find it as web", func(name string) error {
			if err := api.NetworkDisconnect(s.ctx, s.config.Site, name, true); err != nil {
				return err
			}
			return api.NetworkConnect(s.ctx, s.config.Site, name, &network.EndpointSettings{
				IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: s.replica(service(), 10).Addr.String()},
			})
		}},
	} {
		a := s.replica(service(limits), slot)
		s.do(s.Start(s.ctx, a))
		s.do(c.change(a.Name))
		have := s.observe(want()).Containers[a.Name]
		if c.says == "" && have.Drift != "" {
			t.Errorf("a replica that nobody changed drifts: %s", have.Drift)
		} else if c.says != "" {
			wantText(t, have.Drift, c.says)
		}
		remove(t, a.Name)
	}
}

func TestReplicaThatGotAnotherName(t *testing.T) {
	s := newSite(t)
	a := s.start()
	renamed := s.config.Site + "-renamed"
	s.do(api.ContainerRename(s.ctx, a.Name, renamed))
	have := s.observe(want())
	if len(have.Containers) != 0 || have.Taken[renamed] == "" || !have.Network.Taken[a.Addr] {
		t.Errorf("observed %v, taken %v and %v: a container of another name is not ours", have.Containers, have.Taken, have.Network.Taken)
	}
}

func TestImageWithOurLabels(t *testing.T) {
	s := newSite(t)
	a := s.start()
	copied, err := api.ContainerCommit(s.ctx, a.Name, container.CommitOptions{Reference: tag("copied")})
	s.do(err)
	t.Cleanup(func() { removeImages(t, copied.ID) })
	name := s.config.Site + "-copy"
	_, err = api.ContainerCreate(s.ctx, &container.Config{Image: tag("copied")}, nil, nil, nil, name)
	s.do(err)
	t.Cleanup(func() { remove(t, name) })
	have := s.observe(want())
	if _, ours := have.Containers[a.Name]; !ours || len(have.Containers) != 1 {
		t.Errorf("observed %v, want %s only", have.Containers, a.Name)
	}
	b, err := s.Belongings(s.ctx)
	s.do(err)
	if len(b.Containers) != 1 {
		t.Errorf("the site owns %v, want %s only", b.Containers, a.Name)
	}
}

// A replica of a havn whose labels this one can't read is not absent: its name is
// taken.
func TestLabelsThatCannotBeRead(t *testing.T) {
	s := newSite(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	s.do(os.MkdirAll(filepath.Join(s.config.State, "files"), 0o755))
	a := s.replica(service(), 0)
	_, err := api.ContainerCreate(s.ctx, &container.Config{Image: replicaImage, Labels: s.Prove(map[string]string{
		"havn.site": s.config.Site, "havn.name": a.Name, "havn.role": "replica", "havn.fingerprint": string(a.Fingerprint),
	})}, nil, s.endpoint(a.Addr), nil, a.Name)
	s.do(err)
	have := s.observe(want())
	if _, ours := have.Containers[a.Name]; ours {
		t.Errorf("observed %+v", have.Containers)
	}
	wantText(t, have.Taken[a.Name], "labels this havn can't read")
	wantError(t, s.Start(s.ctx, a), "labels this havn can't read")
	write(t, filepath.Join(s.config.State, "files", "x"), "of a release that can't be read")
	s.Tidy(nil)
	s.files(1)
}
