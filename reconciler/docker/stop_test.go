package docker_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func TestStopIsGraceful(t *testing.T) {
	s := newSite(t)
	a := s.start(func(w *spec.Service) { w.Stop.Signal = "SIGUSR1" })
	ask(t, a)
	stop := plan.Stop{Name: a.Name, ID: inspect(t, a.Name).ID, Signal: "SIGUSR1", Grace: 20 * time.Second}
	s.do(s.Stop(s.ctx, stop))
	c := s.observe(want()).Containers[a.Name]
	if c.State != plan.Exited || c.ExitCode != 10 || c.OOM {
		t.Errorf("observed %+v, want it to have ended on signal 10", c)
	}
	s.do(s.Stop(s.ctx, stop))
	s.do(s.Remove(s.ctx, plan.Remove{ID: stop.ID}))
	s.do(s.Stop(s.ctx, stop))
	s.do(s.Remove(s.ctx, plan.Remove{ID: stop.ID}))
}

func TestStopKillsAfterTheGrace(t *testing.T) {
	s := newSite(t)
	a := s.start(func(w *spec.Service) { w.Command = []string{"deaf"} })
	waitForLine(t, s, a.Name, "deaf")
	s.do(s.Stop(s.ctx, plan.Stop{ID: a.Name, Grace: 100 * time.Millisecond}))
	if c := s.observe(want()).Containers[a.Name]; c.State != plan.Exited || c.ExitCode != 137 {
		t.Errorf("observed %+v, want it killed", c)
	}
}

func waitForLine(t *testing.T, s *site, name, line string) {
	t.Helper()
	wait(t, name+" prints "+line, func() bool {
		lines, err := s.Tail(s.ctx, name, 10)
		return err == nil && slices.Contains(lines, line)
	})
}

func TestPausedReplicaCanBeStopped(t *testing.T) {
	s := newSite(t)
	a := s.start()
	ask(t, a)
	s.do(api.ContainerPause(s.ctx, a.Name))
	if c := s.observe(want()).Containers[a.Name]; c.State != plan.Paused || c.Drift == "" {
		t.Errorf("observed %+v, want it paused, and that as drift", c)
	}
	s.do(s.Stop(s.ctx, plan.Stop{ID: a.Name, Grace: time.Second}))
	if c := s.observe(want()).Containers[a.Name]; c.State != plan.Exited {
		t.Errorf("observed %+v, want it stopped", c)
	}
}

func TestRemoveLeavesData(t *testing.T) {
	s := newSite(t)
	s.do(s.CreateVolume(s.ctx, plan.CreateVolume{Volume: spec.Volume{Name: "data"}}))
	a := s.start(func(w *spec.Service) { w.Volumes = map[string]spec.VolumeMount{"/data": {Volume: "data"}} })
	get(t, a, "/write", "path", "/data/x", "text", "precious")
	id := inspect(t, a.Name).ID
	if err := s.Remove(s.ctx, plan.Remove{ID: id}); err == nil {
		t.Fatal("a replica that runs was removed")
	}
	s.do(s.Stop(s.ctx, plan.Stop{ID: id, Grace: time.Second}))
	s.do(s.Remove(s.ctx, plan.Remove{ID: id}))
	s.do(s.Start(s.ctx, a))
	if _, text := get(t, a, "/read", "path", "/data/x"); text != "precious" {
		t.Errorf("the data is %q", text)
	}
}

func TestTail(t *testing.T) {
	s := newSite(t)
	a := s.start()
	ask(t, a)
	s.do(s.Stop(s.ctx, plan.Stop{ID: a.Name, Grace: 5 * time.Second}))
	lines, err := s.Tail(s.ctx, a.Name, 10)
	s.do(err)
	if !slices.Equal(lines, []string{"ready", "got terminated"}) {
		t.Errorf("it printed %q", lines)
	}
	lines, err = s.Tail(s.ctx, a.Name, 1)
	s.do(err)
	if !slices.Equal(lines, []string{"got terminated"}) {
		t.Errorf("its last line is %q", lines)
	}
	_, err = s.Tail(s.ctx, "hd-nobody", 1)
	wantError(t, err, "No such container")
}

func TestDownLeavesVolumesAndStrangers(t *testing.T) {
	s := newSite(t)
	s.do(s.CreateVolume(s.ctx, plan.CreateVolume{Volume: spec.Volume{Name: "data"}}))
	s.start()
	s.do(s.Start(s.ctx, s.replica(service(func(w *spec.Service) { w.Name, w.Command = "crash", []string{"exit", "1"} }), 1)))
	stranger := s.config.Site + "-stranger"
	s.foreign(stranger, s.config.Subnet.Addr().Next().Next())
	b, err := s.Belongings(s.ctx)
	s.do(err)
	if len(b.Containers) != 2 || b.Network != s.config.Site || !slices.Equal(b.Volumes, []string{s.config.Site + "_data"}) {
		t.Errorf("the site owns %+v", b)
	}
	var done []string
	err = s.Down(s.ctx, b, 5*time.Second, func(what string) { done = append(done, what) })
	wantError(t, err, "use it: "+stranger, "docker network disconnect "+s.config.Site)
	if len(done) != 2 || slices.ContainsFunc(done, func(d string) bool { return !strings.HasPrefix(d, "container ") }) {
		t.Errorf("removed %q", done)
	}
	if !inspect(t, stranger).State.Running {
		t.Error("somebody else's container does not run any more")
	}
	remove(t, stranger)
	b, err = s.Belongings(s.ctx)
	s.do(err)
	s.do(s.Down(s.ctx, b, time.Second, func(what string) { done = append(done, what) }))
	if !slices.Contains(done, "network "+s.config.Site) {
		t.Errorf("removed %q", done)
	}
	b, err = s.Belongings(s.ctx)
	s.do(err)
	if len(b.Containers) != 0 || b.Network != "" || len(b.Volumes) != 1 {
		t.Errorf("left are %+v, want the volume only", b)
	}
	s.do(s.Down(s.ctx, b, time.Second, nil))
}

// One container that can't be removed does not keep the others.
func TestDownGoesOn(t *testing.T) {
	p := newProxy(t)
	s := p.site(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	first := s.replica(service(), 0)
	s.do(s.Start(s.ctx, first))
	s.do(s.Start(s.ctx, s.replica(service(), 1)))
	b, err := s.Belongings(s.ctx)
	s.do(err)
	p.on(fmt.Sprintf("POST .*/%s/stop", first.Name), fail, 1)
	var removed atomic.Int32
	wantError(t, s.Down(s.ctx, b, time.Second, func(string) { removed.Add(1) }), first.Name)
	if removed.Load() != 1 {
		t.Errorf("%d were removed, want 1", removed.Load())
	}
	left, err := api.ContainerList(s.ctx, container.ListOptions{All: true})
	s.do(err)
	if !slices.ContainsFunc(left, func(c container.Summary) bool { return c.Names[0] == "/"+first.Name }) {
		t.Error("the one that could not be removed is gone")
	}
}
