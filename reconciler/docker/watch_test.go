package docker_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func TestEventsWake(t *testing.T) {
	s := newSite(t)
	a, b := s.start(), s.replica(service(), 1)
	s.do(s.Start(s.ctx, b))
	woken := s.watch()
	s.observe(want())
	taken := plan.ContainerName(s.config.Site, a.Fingerprint, 1)
	for what, act := range map[string]func() error{
		"a kill":   func() error { return api.ContainerKill(s.ctx, a.Name, "KILL") },
		"a volume": func() error { return s.CreateVolume(s.ctx, plan.CreateVolume{Volume: spec.Volume{Name: "x"}}) },
		"an image": func() error { return api.ImageTag(s.ctx, replicaImage, tag("events")) },
		"a pause": func() error {
			return errors.Join(api.ContainerPause(s.ctx, b.Name), api.ContainerUnpause(s.ctx, b.Name))
		},
		"a change": func() error {
			_, err := api.ContainerUpdate(s.ctx, b.Name, container.UpdateConfig{Resources: container.Resources{CPUShares: 100}})
			return err
		},
		"a name taken": func() error {
			_, err := api.ContainerCreate(s.ctx, &container.Config{Image: replicaImage}, nil, nil, nil, taken)
			return errors.Join(err, api.ContainerRemove(s.ctx, taken, container.RemoveOptions{}))
		},
		"a network": func() error { return api.NetworkDisconnect(s.ctx, s.config.Site, a.Name, true) },
	} {
		for len(woken) > 0 {
			<-woken
		}
		s.do(act())
		select {
		case <-woken:
		case <-time.After(2 * time.Minute):
			t.Errorf("%s woke nobody", what)
		}
	}
	removeImages(t, tag("events"))
}

// What happens while the event stream is down is seen when it is back.
func TestEventStreamIsLost(t *testing.T) {
	t.Parallel()
	p := newProxy(t)
	s := p.site(t)
	a := s.start()
	woken := s.watch()
	s.observe(want())
	p.on("GET .*/events", fail, 3)
	p.cutStreams()
	s.do(api.NetworkDisconnect(s.ctx, s.config.Site, a.Name, true))
	if c := s.observe(want()).Containers[a.Name]; c.Drift == "" {
		t.Error("drift was not seen without events")
	}
	s.do(api.NetworkConnect(s.ctx, s.config.Site, a.Name, s.endpoint(a.Addr).EndpointsConfig[s.config.Site]))
	s.until(a.Name, "is whole again", func(c plan.Container) bool { return c.Drift == "" })
	wait(t, "an observation is one call again", func() bool {
		p.take()
		s.observe(want())
		return len(p.take()) == 1
	})
	for len(woken) > 0 {
		<-woken
	}
	s.do(api.NetworkDisconnect(s.ctx, s.config.Site, a.Name, true))
	<-woken
	if c := s.observe(want()).Containers[a.Name]; c.Drift == "" {
		t.Error("drift was not seen with events")
	}
}

// The engine is away for a time, and nothing is known then; afterwards all is.
func TestEngineIsAway(t *testing.T) {
	p := newProxy(t)
	s := p.site(t)
	a := s.start()
	woken := s.watch()
	s.observe(want())
	handler := p.server.Config.Handler
	p.cutStreams()
	p.server.Close()
	_ = os.Remove(p.socket)
	if _, err := s.Observe(s.ctx, want()); err == nil {
		t.Error("an observation without an engine did not fail")
	}
	remove(t, a.Name)
	for len(woken) > 0 {
		<-woken
	}
	p.listen(t, handler)
	<-woken
	wait(t, "the replica is seen to be gone", func() bool { return len(s.observe(want()).Containers) == 0 })
}

// Unknown is not absent.
func TestListFails(t *testing.T) {
	p := newProxy(t)
	s := p.site(t)
	s.start()
	for _, v := range []verdict{fail, lose} {
		p.on("GET .*/containers/json", v, -1)
		if have, err := s.Observe(s.ctx, want()); err == nil {
			t.Errorf("observed %v from an engine in trouble", have.Containers)
		}
		p.heal()
	}
	for _, call := range []string{"GET .*/networks/", "GET .*/images/", "GET .*/volumes"} {
		w := want(service())
		w.Volumes = map[string]spec.Volume{"data": {}}
		p.on(call, fail, -1)
		if _, err := s.Observe(s.ctx, w); err == nil {
			t.Errorf("no error though %s failed", call)
		}
		p.heal()
	}
}

// A container that can't be inspected is what the list says of it, and holds up
// the others once, not every time.
func TestInspectHangs(t *testing.T) {
	t.Parallel()
	p := newProxy(t)
	s := p.site(t)
	wedged := s.start()
	other := s.replica(service(), 1)
	s.do(s.Start(s.ctx, other))
	id := inspect(t, wedged.Name).ID
	p.on("GET .*/containers/"+id+"/json", hang, -1)
	for range 2 {
		have := s.observe(want())
		if c := have.Containers[wedged.Name]; c.State != plan.Running || c.Addr != wedged.Addr || c.ID != id {
			t.Errorf("observed %+v of the one that hangs", c)
		}
		if c := have.Containers[other.Name]; c.State != plan.Running || c.Drift != "" {
			t.Errorf("observed %+v of the other", c)
		}
	}
	begin := time.Now()
	s.observe(want())
	if took := time.Since(begin); took > 1900*time.Millisecond {
		t.Errorf("the container that hangs holds up every observation: %s", took)
	}
	crash(t, other)
	s.until(other.Name, "restarted", func(c plan.Container) bool { return c.Restarts == 1 && c.State == plan.Running })
	s.do(s.Stop(s.ctx, plan.Stop{ID: wedged.Name}))
	if c := s.observe(want()).Containers[wedged.Name]; c.State != plan.Exited || c.ExitCode != inspect(t, wedged.Name).State.ExitCode {
		t.Errorf("observed %+v, want what the list says of its end", c)
	}
	p.heal()
	s.do(s.Start(s.ctx, wedged))
	if c := s.observe(want()).Containers[wedged.Name]; c.State != plan.Running || c.Restarts != 0 {
		t.Errorf("observed %+v", c)
	}
}

// A container that goes between the list and its inspection is absent, and the
// others are not.
func TestContainerVanishes(t *testing.T) {
	p := newProxy(t)
	s := p.site(t)
	gone := s.start()
	other := s.replica(service(), 1)
	s.do(s.Start(s.ctx, other))
	id := inspect(t, gone.Name).ID
	p.before("GET .*/containers/"+id+"/json", func() { remove(t, gone.Name) })
	have := s.observe(want())
	if _, there := have.Containers[gone.Name]; there {
		t.Errorf("observed %+v", have.Containers)
	}
	if c := have.Containers[other.Name]; c.State != plan.Running {
		t.Errorf("observed %+v of the other", c)
	}
}

func TestEngineHangs(t *testing.T) {
	t.Parallel()
	p := newProxy(t)
	s := p.site(t)
	p.on("GET .*/containers/json", hang, -1)
	_, err := s.Observe(s.ctx, want())
	if !errors.Is(err, context.DeadlineExceeded) || s.ctx.Err() != nil {
		t.Errorf("an engine that hangs says %v, want the call's own deadline", err)
	}
}
