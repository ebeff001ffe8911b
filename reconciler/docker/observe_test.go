package docker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func TestStatesOfAReplica(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.watch()
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	crash := s.replica(service(func(w *spec.Service) { w.Name, w.Command = "crash", []string{"exit", "7"} }), 0)
	hog := s.replica(service(func(w *spec.Service) {
		w.Name, w.Command, w.Resources.Memory = "hog", []string{"hog"}, 16<<20
	}), 1)
	s.do(s.Start(s.ctx, crash))
	s.do(s.Start(s.ctx, hog))
	c := s.until(crash.Name, "crashes", func(c plan.Container) bool { return c.Restarts >= 2 && c.ExitCode == 7 })
	if c.OOM {
		t.Errorf("observed %+v, want no lack of memory", c)
	}
	c = s.until(crash.Name, "waits for its restart", func(c plan.Container) bool { return c.State == plan.Restarting })
	if c.ExitCode != 7 {
		t.Errorf("observed %+v, want exit code 7", c)
	}
	s.until(hog.Name, "is out of memory", func(c plan.Container) bool { return c.OOM && c.Restarts > 0 })
	s.do(s.Stop(s.ctx, plan.Stop{ID: crash.Name, Grace: time.Second}))
	if c = s.observe(want()).Containers[crash.Name]; c.State != plan.Exited {
		t.Errorf("observed %+v, want it stopped though it was restarting", c)
	}
}

// The next run of a replica is another one, and has to prove itself.
func TestRestartIsSeen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.watch()
	a := s.start(func(w *spec.Service) {
		w.Health = spec.Health{Kind: spec.HealthExec, Command: []string{"/replica", "check", "/etc/passwd"},
			Interval: spec.Duration(time.Second), Timeout: spec.Duration(5 * time.Second), Failures: 1}
	})
	first := s.until(a.Name, "is healthy", func(c plan.Container) bool { return c.Health.Ready })
	get := func() plan.Container { return s.observe(want()).Containers[a.Name] }
	if again := get(); !again.Health.Since.Equal(first.Health.Since) || !again.StartedAt.Equal(first.StartedAt) {
		t.Errorf("observed %+v, then %+v of the same run", first, again)
	}
	crash(t, a)
	// Docker forgets how the last run ended, its event does not.
	next := s.until(a.Name, "runs again", func(c plan.Container) bool {
		return c.State == plan.Running && !c.StartedAt.Equal(first.StartedAt) && c.ExitCode == 9
	})
	if next.Health.Ready || next.Addr != first.Addr {
		t.Errorf("observed %+v, want it at its address and not ready yet", next)
	}
	next = s.until(a.Name, "is healthy", func(c plan.Container) bool { return c.Health.Ready })
	if !next.Health.Since.After(first.Health.Since) {
		t.Errorf("it is ready since %s, before it was restarted", next.Health.Since)
	}
}

func TestUnhealthySaysWhy(t *testing.T) {
	s := newSite(t)
	a := s.start(func(w *spec.Service) {
		w.Health = spec.Health{Kind: spec.HealthExec, Command: []string{"/replica", "check", "/missing"},
			Interval: spec.Duration(200 * time.Millisecond), Timeout: spec.Duration(5 * time.Second), Failures: 2}
	})
	c := s.until(a.Name, "is unhealthy", func(c plan.Container) bool { return c.Health.Unhealthy })
	wantText(t, c.Health.Last, "health check exited with 1")
	wantText(t, c.Health.Said, "stat /missing")
	s.do(s.Stop(s.ctx, plan.Stop{ID: a.Name}))
	if c = s.observe(want()).Containers[a.Name]; c.Health != (plan.Health{}) {
		t.Errorf("a replica that does not run has the health %+v", c.Health)
	}
}

func TestImageOfAnotherPlatform(t *testing.T) {
	s := newSite(t)
	ref, none := tag("foreign"), tag("none")
	i := s.observe(want(service(), service(func(w *spec.Service) { w.Name, w.Image = "none", none }))).Images
	if i[replicaImage].ID != replicaID || i[replicaImage].Problem != "" || i[replicaImage].HasHealthcheck || i[none].ID != "" {
		t.Errorf("observed %+v", i)
	}
	s.do(loadForeignImage(ref, "s390x"))
	t.Cleanup(func() { removeImages(t, ref) })
	i = s.observe(want(service(func(w *spec.Service) { w.Image = ref }))).Images
	wantText(t, i[ref].Problem, "is for linux/s390x")
	if !i[ref].HasHealthcheck {
		t.Errorf("observed %+v, want a health check", i[ref])
	}
}

// While nothing happens, an observation is one call.
func TestObservationIsOneCall(t *testing.T) {
	p := newProxy(t)
	s := p.site(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	s.do(s.CreateVolume(s.ctx, plan.CreateVolume{Volume: spec.Volume{Name: "data"}}))
	w := want(service())
	w.Volumes = map[string]spec.Volume{"data": {Name: "data"}}
	const replicas = 40
	for slot := range replicas {
		s.created(s.replica(service(), slot))
	}
	s.watch()
	if have := s.observe(w); len(have.Containers) != replicas {
		t.Fatalf("observed %d replicas, want %d", len(have.Containers), replicas)
	}
	wait(t, "an observation is one call", func() bool {
		p.take()
		s.observe(w)
		return slices.Equal(p.take(), []string{"GET /containers/json"})
	})
	begin := time.Now()
	s.observe(w)
	t.Logf("observing %d replicas with nothing to do takes %s", replicas, time.Since(begin))
	name := s.replica(service(), 7).Name
	s.do(api.ContainerStart(s.ctx, name, container.StartOptions{}))
	s.until(name, "runs", func(c plan.Container) bool { return c.State == plan.Running })
	for _, call := range p.take() {
		if strings.HasPrefix(call, "GET /containers/") && call != "GET /containers/json" && !strings.Contains(call, inspect(t, name).ID) {
			t.Errorf("a replica that did not change was looked at: %s", call)
		}
	}
}

// created makes a replica by hand, without starting it.
func (s *site) created(a plan.Start) {
	s.t.Helper()
	release := fmt.Sprintf(`{"service":{"name":%q,"resources":{"pids":64}},"imageID":%q}`, a.Release.Service.Name, a.Release.ImageID)
	pids := int64(64)
	_, err := api.ContainerCreate(s.ctx, &container.Config{Image: replicaImage, Labels: s.Prove(map[string]string{
		"havn.site": s.config.Site, "havn.name": a.Name, "havn.role": "replica", "havn.service": a.Release.Service.Name,
		"havn.fingerprint": string(a.Fingerprint), "havn.slot": fmt.Sprint(a.Slot), "havn.addr": a.Addr.String(), "havn.release": release,
	})}, &container.HostConfig{NetworkMode: container.NetworkMode(s.config.Site), Resources: container.Resources{PidsLimit: &pids},
		RestartPolicy: container.RestartPolicy{Name: "unless-stopped"}}, s.endpoint(a.Addr), nil, a.Name)
	s.do(err)
}

// watch follows the events until the test ends, and returns what it is woken by.
func (s *site) watch() <-chan struct{} {
	woken := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Watch(ctx, func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
	}()
	s.t.Cleanup(func() {
		cancel()
		<-done
	})
	<-woken
	return woken
}
