package docker_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"

	"havn.internal/reconciler/docker"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// labelled are the labels of the replica that a starts, as a havn before proofs had them
// and as anybody may write them.
func (s *site) labelled(a plan.Start) map[string]string {
	s.t.Helper()
	release, err := json.Marshal(a.Release.Stored())
	s.do(err)
	return map[string]string{
		"havn.site": s.config.Site, "havn.name": a.Name, "havn.role": "replica", "havn.service": a.Release.Service.Name,
		"havn.fingerprint": string(a.Fingerprint), "havn.revision": a.Revision, "havn.slot": strconv.Itoa(a.Slot),
		"havn.addr": a.Addr.String(), "havn.release": string(release),
	}
}

// forge runs a container by hand that is a replica by its name, address and labels.
func (s *site) forge(a plan.Start, change func(labels map[string]string)) {
	s.t.Helper()
	labels := s.labelled(a)
	if change != nil {
		change(labels)
	}
	host := &container.HostConfig{
		NetworkMode: container.NetworkMode(s.config.Site), RestartPolicy: container.RestartPolicy{Name: "unless-stopped"},
		Resources: container.Resources{PidsLimit: &a.Release.Service.Resources.Pids},
	}
	_, err := api.ContainerCreate(s.ctx, &container.Config{Image: a.Release.ImageID, Labels: labels}, host, s.endpoint(a.Addr), nil, a.Name)
	s.do(err)
	s.t.Cleanup(func() { remove(s.t, a.Name) })
	s.do(api.ContainerStart(s.ctx, a.Name, container.StartOptions{}))
}

// again is another havn on the same state directory.
func (s *site) again() *site {
	s.t.Helper()
	e, err := docker.New(s.ctx, s.config)
	s.do(err)
	s.t.Cleanup(func() { _ = e.Close() })
	return &site{Engine: e, t: s.t, config: s.config, ctx: s.ctx}
}

func (s *site) seen() []string {
	s.t.Helper()
	return slices.Sorted(maps.Keys(s.observe(want()).Containers))
}

// The replicas of a havn that proved nothing are taken over as they run, once, if all that
// they say fits together. What comes without a proof later is not havn's.
func TestReplicasOfAHavnBeforeProofs(t *testing.T) {
	s := newSite(t)
	_, err := api.NetworkCreate(s.ctx, s.config.Site, network.CreateOptions{
		Driver: "bridge", Labels: map[string]string{"havn.site": s.config.Site, "havn.name": s.config.Site, "havn.state": s.config.State},
		IPAM: &network.IPAM{Config: []network.IPAMConfig{{
			Subnet: s.config.Subnet.String(), IPRange: netip.PrefixFrom(s.config.Subnet.Addr().Next(), 25).Addr().String() + "/25",
		}}},
	})
	s.do(err)
	old, other, late := s.replica(service(), 0), s.replica(service(), 1), s.replica(service(), 2)
	s.forge(old, nil)
	s.forge(other, func(l map[string]string) {
		l["havn.release"] = strings.Replace(l["havn.release"], `"pids":64`, `"pids":65`, 1)
	})
	before := inspect(t, old.Name)
	for _, step := range []func(){func() {}, func() { s.do(s.Claim(s.ctx)) }, func() { s = s.again() }} {
		step()
		if seen := s.seen(); !slices.Equal(seen, []string{old.Name}) {
			t.Errorf("seen are %v, want %s", seen, old.Name)
		}
	}
	s.forge(late, nil)
	have := s.observe(want())
	if len(have.Containers) != 1 || !strings.Contains(have.Strangers[late.Name], "lacks the proof") || !strings.Contains(have.Strangers[other.Name], "lacks the proof") {
		t.Errorf("seen are %v, and named %v", s.seen(), have.Strangers)
	}
	if after := inspect(t, old.Name); after.ID != before.ID || after.State.StartedAt != before.State.StartedAt {
		t.Error("a replica that was taken over was started anew")
	}
	// The network of that havn has no key, so with the state directory the key is lost.
	s.do(os.RemoveAll(s.config.State))
	s = s.again()
	s.do(s.Claim(s.ctx))
	if seen := s.seen(); !slices.Equal(seen, []string{old.Name, late.Name}) {
		t.Errorf("without a key, seen are %v", seen)
	}
}

// A state directory that is lost costs nothing: the key is on the network, too.
func TestALostStateDirectory(t *testing.T) {
	s := newSite(t)
	a, forged := s.start(), s.replica(service(), 1)
	s.forge(forged, nil)
	i, err := os.Stat(filepath.Join(s.config.State, "owner.json"))
	if err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", i.Mode(), err)
	}
	s.do(os.RemoveAll(s.config.State))
	s = s.again()
	for range 2 {
		if seen := s.seen(); !slices.Equal(seen, []string{a.Name}) {
			t.Errorf("seen are %v, want %s", seen, a.Name)
		}
		s.do(s.Claim(s.ctx))
	}
	s.do(s.Start(s.ctx, s.replica(service(func(w *spec.Service) { w.Name = "next" }), 2)))
	s.do(os.RemoveAll(s.config.State))
	if s = s.again(); len(s.seen()) != 2 {
		t.Errorf("seen are %v", s.seen())
	}
	s.do(os.MkdirAll(s.config.State, 0o755))
	s.do(os.WriteFile(filepath.Join(s.config.State, "owner.json"), []byte("{"), 0o600))
	_, err = s.again().Observe(s.ctx, want())
	wantError(t, err, "is damaged; remove it")
}

// An image that carries labels of havn's, the proof of a replica among them, makes no
// replica, under whatever name it is run.
func TestLabelsOfAnImage(t *testing.T) {
	s := newSite(t)
	a := s.start()
	labels := inspect(t, a.Name).Config.Labels
	if labels["havn.proof"] == "" {
		t.Fatal("a replica has no proof")
	}
	made, err := api.ContainerCommit(s.ctx, a.Name, container.CommitOptions{Reference: s.config.Site + ":1"})
	s.do(err)
	t.Cleanup(func() { _, _ = api.ImageRemove(s.ctx, made.ID, image.RemoveOptions{Force: true}) })
	s.do(s.Stop(s.ctx, plan.Stop{ID: inspect(t, a.Name).ID}))
	s.do(s.Remove(s.ctx, plan.Remove{ID: inspect(t, a.Name).ID}))
	_, err = api.ContainerCreate(s.ctx, &container.Config{Image: made.ID}, nil, s.endpoint(a.Addr), nil, a.Name)
	s.do(err)
	t.Cleanup(func() { remove(t, a.Name) })
	for _, s := range []*site{s, s.again()} {
		have := s.observe(want())
		if len(have.Containers) != 0 || !strings.Contains(have.Strangers[a.Name], "its image brings these labels along") {
			t.Errorf("observed %v, named %v", have.Containers, have.Strangers)
		}
	}
	b, err := s.Belongings(s.ctx)
	s.do(err)
	if len(b.Containers) != 0 {
		t.Errorf("the end of the site would end %v", b.Containers)
	}
	wantError(t, s.Start(s.ctx, a), "not havn's")
}

// No log shows the key, nor does what a replica can see.
func TestTheKeyStaysWhereItIs(t *testing.T) {
	s := newSite(t)
	a := s.start()
	text, err := os.ReadFile(filepath.Join(s.config.State, "owner.json"))
	s.do(err)
	var o struct{ Key string }
	s.do(json.Unmarshal(text, &o))
	i, err := json.Marshal(inspect(t, a.Name))
	s.do(err)
	if len(o.Key) != 64 || bytes.Contains(i, []byte(o.Key)) {
		t.Errorf("the key of %d digits is in what a container says", len(o.Key))
	}
	logs, err := api.ContainerLogs(s.ctx, a.Name, container.LogsOptions{ShowStdout: true, ShowStderr: true})
	s.do(err)
	if said, err := io.ReadAll(logs); err != nil || bytes.Contains(said, []byte(o.Key)) {
		t.Errorf("the key is in the log (%v)", err)
	}
}
