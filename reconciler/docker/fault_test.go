package docker_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/docker"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A release that can't start is condemned for good, so only what lies with it
// may be held against it.
func TestFaultsOfTheRelease(t *testing.T) {
	s := newSite(t, func(c *docker.Config) { c.Policy.Capabilities = []string{"ALL"} })
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	for _, c := range []struct {
		name   string
		change func(*spec.Service)
		says   string
	}{
		{"unknown user", func(w *spec.Service) { w.User = "nobody-knows" }, "nobody-knows"},
		{"unknown group", func(w *spec.Service) { w.User = "app:nobodies" }, "nobodies"},
		{"unknown capability", func(w *spec.Service) { w.Security.CapAdd = []string{"FLY"} }, "FLY"},
		{"unknown signal", func(w *spec.Service) { w.Stop.Signal = "SIGNONSENSE" }, "SIGNONSENSE"},
		{"tiny memory", func(w *spec.Service) { w.Resources.Memory = 1 << 10 }, "emory limit"},
		{"more processors than there are", func(w *spec.Service) { w.Resources.NanoCPUs = 5e12 }, "CPUs"},
		{"file over a directory", func(w *spec.Service) { w.Files = map[string]spec.File{"/etc": file("x", 0o444)} }, "directory"},
	} {
		a := s.replica(service(c.change), 0)
		err := s.Start(s.ctx, a)
		wantError(t, err, c.says)
		if !errors.Is(err, apply.ErrRelease) {
			t.Errorf("%s: %v is not held against the release", c.name, err)
		}
		if _, there := s.observe(want()).Containers[a.Name]; there {
			t.Errorf("%s: the container that could not start is still there", c.name)
		}
	}
}

// What an init process finds out, the engine does not: the replica crashes, with
// the reason in its log.
func TestProgramThatCannotRun(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.watch()
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	for program, says := range map[string]string{
		"/no-such-program": "No such file", "/broken": "exec /broken failed", "/etc/not-a-program": "ermission denied",
	} {
		a := s.replica(service(func(w *spec.Service) { w.Entrypoint = []string{program} }), 0)
		if err := s.Start(s.ctx, a); err != nil {
			if !errors.Is(err, apply.ErrRelease) {
				t.Errorf("%s: %v is not held against the release", program, err)
			}
			continue
		}
		c := s.until(a.Name, "crashes", func(c plan.Container) bool { return c.Restarts > 0 && c.ExitCode != 0 })
		lines, err := s.Tail(s.ctx, a.Name, 5)
		s.do(err)
		if len(lines) == 0 {
			t.Errorf("%s: nothing in the log, want %q", program, says)
		} else {
			wantError(t, errors.New(lines[len(lines)-1]), says)
		}
		s.do(s.Stop(s.ctx, plan.Stop{ID: c.ID}))
		s.do(s.Remove(s.ctx, plan.Remove{ID: c.ID}))
	}
}

func TestFaultsOfTheHost(t *testing.T) {
	closed := t.TempDir()
	s := newSite(t, func(c *docker.Config) { c.Policy.Binds = []string{"/opt"} })
	a := s.start()
	for _, c := range []struct {
		name   string
		change func(*plan.Start)
		says   string
	}{
		{"address in use", func(b *plan.Start) { b.Addr = a.Addr }, "ddress already in use"},
		{"address outside the subnet", func(b *plan.Start) { b.Addr = netip.MustParseAddr("192.0.2.1") }, ""},
		{"image is gone", func(b *plan.Start) { b.Release.ImageID = "sha256:" + sha256Hex("gone") }, "no such image"},
		{"bind that is not there", func(b *plan.Start) { b.Release.Service.Binds = map[string]string{"/x": "/opt/nowhere"} }, "nowhere"},
		{"bind that is not allowed", func(b *plan.Start) { b.Release.Service.Binds = map[string]string{"/x": closed} }, "--allow-bind"},
		{"bind of a secret place", func(b *plan.Start) { b.Release.Service.Binds = map[string]string{"/x": "/etc/ssl"} }, "/etc/ssl is never mounted: it is, or holds, /etc;"},
		{"bind of the root", func(b *plan.Start) { b.Release.Service.Binds = map[string]string{"/x": "/"} }, "is never mounted"},
		{"lost file", func(b *plan.Start) {
			b.Release.Service.Files = map[string]spec.File{"/f": {SHA256: sha256Hex("lost"), Mode: 0o444}}
		}, "its content is lost"},
	} {
		b := s.replica(service(func(w *spec.Service) { w.Name = "other" }), 1)
		c.change(&b)
		err := s.Start(s.ctx, b)
		wantError(t, err, c.says)
		if errors.Is(err, apply.ErrRelease) {
			t.Errorf("%s: %v is held against the release", c.name, err)
		}
		if _, there := s.observe(want()).Containers[b.Name]; there {
			t.Errorf("%s: the container that could not start is still there", c.name)
		}
	}
}

func TestBindBehindALink(t *testing.T) {
	allowed := t.TempDir()
	link := filepath.Join(allowed, "link")
	if err := os.Symlink("/etc", link); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(c *docker.Config) { c.Policy.Binds = []string{allowed} })
	a := s.replica(service(func(w *spec.Service) { w.Binds = map[string]string{"/x": link} }), 0)
	wantError(t, s.Start(s.ctx, a), "a link on the way to it, leads to what this machine does not allow")
}

// What was allowed is what is mounted, also when Docker starts the replica again and
// the link leads elsewhere by then.
func TestLinkThatIsTurnedLater(t *testing.T) {
	allowed := t.TempDir()
	link := filepath.Join(allowed, "link")
	for _, name := range []string{"first", "second"} {
		if err := os.Mkdir(filepath.Join(allowed, name), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(allowed, name, "motd"), name)
	}
	s := newSite(t, func(c *docker.Config) { c.Policy.Binds = []string{allowed} })
	s.do(os.Symlink("first", link))
	a := s.start(func(w *spec.Service) { w.Binds = map[string]string{"/x": link} })
	s.do(os.Remove(link))
	s.do(os.Symlink("second", link))
	s.do(api.ContainerRestart(s.ctx, a.Name, container.StopOptions{}))
	if _, says := get(t, a, "/read", "path", "/x/motd"); says != "first" {
		t.Errorf("after a restart it reads %q, want what was allowed", says)
	}
}

// The state directory is never mounted, under whatever name it goes.
func TestBindOfTheStateDirectory(t *testing.T) {
	state, link := t.TempDir(), filepath.Join(t.TempDir(), "state")
	if err := os.Symlink(state, link); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(c *docker.Config) {
		c.State, c.Policy = link, spec.Policy{Binds: []string{state}, Private: []string{link}}
	})
	a := s.replica(service(func(w *spec.Service) { w.Binds = map[string]string{"/x": state} }), 0)
	wantError(t, s.Start(s.ctx, a), "leads to what this machine does not allow")
}

// A reply that is lost leaves a container that the next try takes.
func TestRepliesThatAreLost(t *testing.T) {
	p := newProxy(t)
	s := p.site(t)
	p.on("POST .*/networks/create", lose, 1)
	if err := s.CreateNetwork(s.ctx, plan.CreateNetwork{}); err == nil {
		t.Error("no error though the reply was lost")
	}
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	a := s.replica(service(), 0)
	for _, call := range []string{"POST .*/containers/create", "POST .*/start", "POST .*/stop", "DELETE .*/containers"} {
		p.on(call, lose, 1)
	}
	made := ""
	attempts := 0
	wait(t, "the replica runs", func() bool {
		attempts++
		err := s.Start(s.ctx, a)
		if errors.Is(err, apply.ErrRelease) {
			t.Fatalf("%v is held against the release", err)
		}
		if c, there := s.observe(want()).Containers[a.Name]; there && made == "" {
			made = c.ID
		}
		return err == nil
	})
	if c := s.observe(want()).Containers[a.Name]; c.ID != made || c.State != plan.Running {
		t.Errorf("observed %+v, want the container %s that was made first", c, made)
	}
	if attempts != 3 {
		t.Errorf("it took %d starts, want 3: one for each reply that was lost and one that was not", attempts)
	}
	stop := plan.Stop{ID: made, Grace: 5 * time.Second}
	wantError(t, s.Stop(s.ctx, stop), "EOF")
	s.do(s.Stop(s.ctx, stop))
	wantError(t, s.Remove(s.ctx, plan.Remove{ID: made}), "EOF")
	s.do(s.Remove(s.ctx, plan.Remove{ID: made}))
	if have := s.observe(want()); len(have.Containers) != 0 {
		t.Errorf("observed %v, want nothing", have.Containers)
	}
}

// The engine that has trouble is never the release's fault.
func TestEngineInTrouble(t *testing.T) {
	p := newProxy(t)
	s := p.site(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	a := s.replica(service(), 0)
	for _, r := range []rule{
		{regexp.MustCompile("POST .*/containers/create"), fail, 1, nil},
		{regexp.MustCompile("POST .*/containers/create"), cut, 1, nil},
		{regexp.MustCompile("GET .*/json"), fail, 1, nil},
		{regexp.MustCompile("POST .*/start"), fail, 1, nil},
		{regexp.MustCompile("POST .*/start"), cut, 1, nil},
	} {
		p.heal()
		p.on(r.pattern.String(), r.verdict, r.times)
		if err := s.Start(s.ctx, a); err == nil || errors.Is(err, apply.ErrRelease) {
			t.Errorf("%s goes wrong: %v", r.pattern, err)
		}
	}
	p.heal()
	s.do(s.Start(s.ctx, a))
}
