package docker_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/docker"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func file(content string, mode uint32) spec.File {
	return spec.File{Content: content, SHA256: sha256Hex(content), Mode: mode}
}

func TestReplicaIsWhatTheSpecAsksFor(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "motd"), []byte("from the host"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(c *docker.Config) { c.Policy.Binds = []string{outside} })
	s.do(s.CreateVolume(s.ctx, plan.CreateVolume{Volume: spec.Volume{Name: "data"}}))
	a := s.start(func(w *spec.Service) {
		w.Entrypoint, w.Command = []string{"/replica"}, []string{"serve", "two words"}
		w.User, w.Workdir = "app:app", "/etc"
		w.Env = map[string]string{"A": "1", "B": "x=y z"}
		w.Files = map[string]spec.File{"/conf/app.ini": file("key=1\n", 0o440), "/conf/empty": file("", 0o444)}
		w.Volumes = map[string]spec.VolumeMount{"/data": {Volume: "data"}, "/ro": {Volume: "data", ReadOnly: true}}
		w.Binds = map[string]string{"/host": outside}
		w.Labels = map[string]string{"team": "red"}
		w.Security.Tmpfs = map[string]int64{"/tmp": 1 << 20}
	})
	r := ask(t, a)
	if !slices.Equal(r.Args, []string{"serve", "two words"}) || r.UID != 1234 || r.GID != 5678 || r.Workdir != "/etc" || r.Hostname != "web" {
		t.Errorf("the replica says %+v", r)
	}
	if !slices.Contains(r.Env, "A=1") || !slices.Contains(r.Env, "B=x=y z") {
		t.Errorf("its environment is %q", r.Env)
	}
	for _, step := range []struct{ path, file, status, body string }{
		{"/read", "/host/motd", "200", "from the host"},
		{"/read", "/conf/empty", "200", ""},
		{"/write", "/conf/app.ini", "409", "read-only file system"},
		{"/write", "/host/motd", "409", "read-only file system"},
		{"/write", "/ro/x", "409", "read-only file system"},
		{"/write", "/tmp/x", "200", "written"},
		// Mode 0440 and owned by root: not for the user app.
		{"/read", "/conf/app.ini", "409", "permission denied"},
	} {
		status, body := get(t, a, step.path, "path", step.file, "text", "x")
		if fmt.Sprint(status) != step.status || !strings.Contains(body, step.body) {
			t.Errorf("%s of %s: %d %q, want %s %q", step.path, step.file, status, body, step.status, step.body)
		}
	}
	i := inspect(t, a.Name)
	if i.Config.Labels["team"] != "red" || i.Config.Labels["havn.revision"] != "rev1" {
		t.Errorf("its labels are %v", i.Config.Labels)
	}
	if c := s.observe(want()).Containers[a.Name]; c.Drift != "" || c.State != plan.Running || c.Addr != a.Addr || c.Release.Service.User != "app:app" {
		t.Errorf("observed %+v", c)
	}
}

func TestReplicaIsBounded(t *testing.T) {
	s := newSite(t)
	a := s.start(func(w *spec.Service) {
		w.Resources = spec.Resources{NanoCPUs: 5e8, Memory: 32 << 20, Pids: 99}
		w.Stop = spec.Stop{Signal: "SIGUSR1", Grace: spec.Duration(4500 * time.Millisecond)}
		w.Log = spec.Log{MaxSize: 2 << 20, MaxFiles: 4}
		w.Security = spec.Security{ReadOnlyRoot: true, CapDrop: []string{"ALL"}, CapAdd: []string{"NET_BIND_SERVICE"}}
		w.Health = spec.Health{Kind: spec.HealthExec, Command: []string{"/replica", "check", "/etc/passwd"},
			Interval: spec.Duration(time.Second), Timeout: spec.Duration(2 * time.Second), Failures: 4, StartPeriod: spec.Duration(3 * time.Second)}
	})
	i := inspect(t, a.Name)
	h, c := i.HostConfig, i.Config
	switch {
	case h.NanoCPUs != 5e8 || h.Memory != 32<<20 || h.MemorySwap != 32<<20 || *h.PidsLimit != 99:
		t.Errorf("its limits are %+v", h.Resources)
	case h.LogConfig.Type != "local" || h.LogConfig.Config["max-size"] != "2097152" || h.LogConfig.Config["max-file"] != "4":
		t.Errorf("its log is %+v", h.LogConfig)
	case !h.ReadonlyRootfs || !slices.Equal(h.CapDrop, []string{"ALL"}) || len(h.CapAdd) != 1 || !slices.Contains(h.SecurityOpt, "no-new-privileges:true"):
		t.Errorf("its security is %v %v %v %v", h.ReadonlyRootfs, h.CapDrop, h.CapAdd, h.SecurityOpt)
	case c.StopTimeout == nil || *c.StopTimeout != 5:
		t.Errorf("the engine gives it %v seconds to stop", c.StopTimeout)
	case c.StopSignal != "SIGUSR1" || h.RestartPolicy.Name != container.RestartPolicyUnlessStopped || !*h.Init || h.Privileged:
		t.Errorf("made %+v %+v", c, h)
	case c.Healthcheck.Interval != time.Second || c.Healthcheck.Timeout != 2*time.Second || c.Healthcheck.Retries != 4 || c.Healthcheck.StartPeriod != 3*time.Second:
		t.Errorf("its health check is %+v", c.Healthcheck)
	}
	ready := s.until(a.Name, "is healthy", func(c plan.Container) bool { return c.Health.Ready })
	if !ready.Checked || ready.Drift != "" {
		t.Errorf("observed %+v", ready)
	}
}

// A log of one file, which the engine can't compress, is bounded all the same.
func TestOneLogFile(t *testing.T) {
	s := newSite(t)
	a := s.start(func(w *spec.Service) { w.Log = spec.Log{MaxSize: 1 << 20, MaxFiles: 1} })
	if c := s.observe(want()).Containers[a.Name]; c.State != plan.Running || c.Drift != "" {
		t.Errorf("observed %+v, want a replica that runs without drift", c)
	}
}

// Who asks for the image's HEALTHCHECK is told of an image without one: nothing would
// ever check such a replica.
func TestImageWithoutHealthcheck(t *testing.T) {
	s := newSite(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	a := s.replica(service(func(w *spec.Service) { w.Health = spec.Health{Kind: spec.HealthImage} }), 0)
	err := s.Start(s.ctx, a)
	wantError(t, err, "HEALTHCHECK")
	if !errors.Is(err, apply.ErrRelease) {
		t.Errorf("%v is not held against the release", err)
	}
	if _, there := s.observe(want()).Containers[a.Name]; there {
		t.Error("the container that was not started is still there")
	}
}

func TestPortOnTheHost(t *testing.T) {
	addr := freeAddr()
	s := newSite(t)
	s.start(func(w *spec.Service) {
		w.Ports = map[string]spec.Port{"admin": {Port: 8080, Protocol: "tcp", Host: addr}, "inner": {Port: 9, Protocol: "tcp"}}
	})
	a := s.replica(service(func(w *spec.Service) {
		w.Name = "second"
		w.Ports = map[string]spec.Port{"admin": {Port: 8080, Protocol: "tcp", Host: addr}}
	}), 1)
	err := s.Start(s.ctx, a)
	wantError(t, err, addr[len("127.0.0.1:"):])
	if errors.Is(err, apply.ErrRelease) {
		t.Errorf("%v is held against the release", err)
	}
	if _, there := s.observe(want()).Containers[a.Name]; there {
		t.Error("the container that could not start is still there")
	}
}

func TestStartAgainIsNothing(t *testing.T) {
	s := newSite(t)
	a := s.start()
	before := inspect(t, a.Name)
	s.do(s.Start(s.ctx, a))
	if after := inspect(t, a.Name); after.ID != before.ID || after.State.StartedAt != before.State.StartedAt {
		t.Error("a second start replaced or restarted the replica")
	}
	s.do(s.Stop(s.ctx, plan.Stop{ID: a.Name, Grace: 5 * time.Second}))
	s.do(s.Start(s.ctx, a))
	if after := inspect(t, a.Name); after.ID != before.ID || !after.State.Running {
		t.Error("a start of a stopped replica did not start it")
	}
}

func TestCreatedButNotStartedIsAdopted(t *testing.T) {
	s := newSite(t)
	a := s.start()
	s.do(s.Stop(s.ctx, plan.Stop{ID: a.Name}))
	made := inspect(t, a.Name)
	remove(t, a.Name)
	made.HostConfig.Binds = nil
	_, err := api.ContainerCreate(s.ctx, made.Config, made.HostConfig, s.endpoint(a.Addr), nil, a.Name)
	s.do(err)
	if c := s.observe(want()).Containers[a.Name]; c.State != plan.Created {
		t.Fatalf("observed %+v, want it created", c)
	}
	s.do(s.Start(s.ctx, a))
	if c := s.observe(want()).Containers[a.Name]; c.State != plan.Running || c.Drift != "" {
		t.Errorf("observed %+v, want it running", c)
	}
}

func TestNameIsTaken(t *testing.T) {
	s := newSite(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	a := s.replica(service(), 0)
	s.foreign(a.Name, a.Addr.Next())
	before := inspect(t, a.Name)
	wantError(t, s.Start(s.ctx, a), "the name is taken", replicaImage)
	if after := inspect(t, a.Name); after.ID != before.ID || !after.State.Running {
		t.Error("somebody else's container was touched")
	}
	have := s.observe(want())
	if _, ours := have.Containers[a.Name]; ours || !strings.Contains(have.Taken[a.Name], replicaImage) {
		t.Errorf("observed %v, taken %v", have.Containers, have.Taken)
	}
}

func TestTagThatMovesChangesNothing(t *testing.T) {
	ref := tag("moving")
	first, err := makeImage(ref, map[string]string{"etc/v": "1"}, `ENTRYPOINT ["/nothing"]`)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeImages(t, first, ref) })
	s := newSite(t)
	w := service(func(w *spec.Service) { w.Image = ref })
	if i := s.observe(want(w)).Images[ref]; i.ID != first {
		t.Fatalf("the tag stands for %s, want %s", i.ID, first)
	}
	s.do(api.ImageTag(s.ctx, replicaImage, ref))
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	a := s.replica(w, 0)
	a.Release.ImageID = first
	s.do(s.Start(s.ctx, a))
	if i := inspect(t, a.Name); i.Image != first {
		t.Errorf("it runs image %s, want %s", i.Image, first)
	}
	if i := s.observe(want(w)).Images[ref]; i.ID != replicaID {
		t.Errorf("the tag stands for %s, want %s", i.ID, replicaID)
	}
}
