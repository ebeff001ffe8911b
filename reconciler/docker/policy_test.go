package docker_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"havn.internal/reconciler/docker"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// capabilities are the bounding set of a replica's first process, as the kernel has it.
func capabilities(t *testing.T, name string) uint64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", inspect(t, name).State.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "CapBnd:")
	set, err := strconv.ParseUint(strings.Fields(rest)[0], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// What a replica can do is what the kernel lets it do: without raw sockets and the like
// unless its service adds them and the machine allows it, or the machine keeps them.
func TestCapabilitiesOfAReplica(t *testing.T) {
	t.Parallel()
	withheld := map[string]uint{"NET_RAW": unix.CAP_NET_RAW, "MKNOD": unix.CAP_MKNOD, "AUDIT_WRITE": unix.CAP_AUDIT_WRITE, "SETFCAP": unix.CAP_SETFCAP}
	for _, c := range []struct {
		policy spec.Policy
		add    []string
		has    []string
	}{
		{},
		{policy: spec.Policy{Capabilities: []string{"NET_RAW"}}},
		{policy: spec.Policy{Capabilities: []string{"NET_RAW"}}, add: []string{"CAP_NET_RAW"}, has: []string{"NET_RAW"}},
		{policy: spec.Policy{Keep: []string{"MKNOD", "AUDIT_WRITE"}}, has: []string{"AUDIT_WRITE", "MKNOD"}},
	} {
		s := newSite(t, func(d *docker.Config) { d.Policy = c.policy })
		a := s.start(func(w *spec.Service) { w.Security.CapAdd = c.add })
		set := capabilities(t, a.Name)
		for name, bit := range withheld {
			if has := set&(1<<bit) != 0; has != slices.Contains(c.has, name) {
				t.Errorf("%+v, capAdd %v: that it has %s is %t", c.policy, c.add, name, has)
			}
		}
		if set&(1<<unix.CAP_CHOWN) == 0 || set&(1<<unix.CAP_NET_BIND_SERVICE) == 0 {
			t.Errorf("%+v: it lacks usual capabilities: %x", c.policy, set)
		}
	}
}

// The one place that builds containers asks the policy again, whatever was planned.
func TestTheEngineMakesNothingThatIsRefused(t *testing.T) {
	s := newSite(t, func(c *docker.Config) { c.Policy.Listeners = []string{":20999"} })
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	for says, change := range map[string]func(*spec.Service){
		"does not allow the capability SYS_ADMIN": func(w *spec.Service) { w.Security.CapAdd = []string{"SYS_ADMIN"} },
		"does not allow publishing 0.0.0.0:20998": func(w *spec.Service) {
			w.Ports = map[string]spec.Port{"p": {Port: 8080, Protocol: "tcp", Host: "0.0.0.0:20998"}}
		},
		"127.0.0.1:20999 is taken by havn itself": func(w *spec.Service) {
			w.Ports = map[string]spec.Port{"p": {Port: 8080, Protocol: "tcp", Host: "127.0.0.1:20999"}}
		},
		"5000 is more than this machine allows":         func(w *spec.Service) { w.Resources.Pids = 5000 },
		"2g is more than this machine allows the log":   func(w *spec.Service) { w.Log = spec.Log{MaxSize: 1 << 30, MaxFiles: 2} },
		"2g is more than this machine allows all tmpfs": func(w *spec.Service) { w.Security.Tmpfs = map[string]int64{"/t": 2 << 30} },
	} {
		a := s.replica(service(change), 0)
		wantError(t, s.Start(s.ctx, a), says)
		if _, there := s.observe(want()).Containers[a.Name]; there {
			t.Errorf("%s: it was made all the same", says)
		}
	}
}

// A service that says nothing of memory gets the machine's bound, and that is no drift.
func TestMemoryOfTheMachine(t *testing.T) {
	s := newSite(t, func(c *docker.Config) { c.Policy.Limits.Memory = 64 << 20 })
	a := s.start()
	if m := inspect(t, a.Name).HostConfig.Memory; m != 64<<20 {
		t.Errorf("its memory is %d", m)
	}
	if c := s.observe(want()).Containers[a.Name]; c.Drift != "" {
		t.Errorf("it is taken to have drifted: %s", c.Drift)
	}
}

// binding is a service that mounts a path of the host.
func binding(source string) spec.Service {
	return service(func(w *spec.Service) { w.Binds = map[string]string{"/x": source} })
}

// What others than root may swap for a link is never mounted, and is looked at again
// before each start and each plan.
func TestBindThatOthersMaySwap(t *testing.T) {
	allowed := t.TempDir()
	user := filepath.Join(allowed, "www", "user")
	if err := os.MkdirAll(user, 0o755); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(c *docker.Config) { c.Policy.Binds = []string{allowed} })
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	w := binding(user)
	a := s.replica(w, 0)
	s.do(s.Start(s.ctx, a))
	if problems := s.observe(want(w)).Binds; len(problems) != 0 {
		t.Errorf("a plan is told of %v", problems)
	}
	for _, spoil := range []func() error{
		func() error { return os.Chown(filepath.Join(allowed, "www"), 65534, 0) },
		func() error { return os.Chmod(filepath.Join(allowed, "www"), 0o777) },
		func() error { return os.Chmod(allowed, 0o757) },
	} {
		s.do(spoil())
		problem := s.observe(want(w)).Binds[user]
		if !strings.Contains(problem, "others than root may change "+allowed) {
			t.Errorf("a plan is told %q", problem)
		}
		wantError(t, s.Start(context.Background(), a), "others than root may change "+allowed)
		s.do(os.Chown(filepath.Join(allowed, "www"), 0, 0))
		s.do(os.Chmod(filepath.Join(allowed, "www"), 0o755))
		s.do(os.Chmod(allowed, 0o755))
	}
	// The last part may be anybody's: links in it lead nowhere outside of the container.
	s.do(os.Chown(user, 65534, 65534))
	if problems := s.observe(want(w)).Binds; len(problems) != 0 {
		t.Errorf("a plan is told of %v", problems)
	}
}

// A spec does not learn what exists on the machine: the answer is the same.
func TestBindErrorsSayNothingOfTheMachine(t *testing.T) {
	allowed := t.TempDir()
	s := newSite(t, func(c *docker.Config) { c.Policy.Binds = []string{allowed} })
	links := map[string]string{"there": "/root", "nowhere": "/root/nowhere", "file": "/etc/shadow/x"}
	for name, to := range links {
		s.do(os.Symlink(to, filepath.Join(allowed, name)))
	}
	answer := func(source string) string {
		err := s.Start(s.ctx, s.replica(binding(source), 0))
		if err == nil {
			t.Fatalf("%s was mounted", source)
		}
		return strings.ReplaceAll(err.Error(), source, "SOURCE")
	}
	for _, pair := range [][2]string{
		{"/srv", "/nowhere"}, {"/usr/bin/env", "/usr/bin/nowhere"},
		{filepath.Join(allowed, "there"), filepath.Join(allowed, "nowhere")}, {filepath.Join(allowed, "there"), filepath.Join(allowed, "file")},
	} {
		if a, b := answer(pair[0]), answer(pair[1]); a != b {
			t.Errorf("%s and %s are told apart:\n%s\n%s", pair[0], pair[1], a, b)
		}
	}
}

// A replica that stopped, and that the machine's policy of today would make otherwise, is
// made anew in place of being started as it was.
func TestAStoppedReplicaIsMadeAsThePolicySays(t *testing.T) {
	s := newSite(t, func(c *docker.Config) { c.Policy.Keep = []string{"NET_RAW"} })
	a := s.start()
	before := inspect(t, a.Name)
	s.do(s.Stop(s.ctx, plan.Stop{ID: before.ID}))
	s.config.Policy.Keep = nil
	stricter, err := docker.New(s.ctx, s.config)
	s.do(err)
	t.Cleanup(func() { _ = stricter.Close() })
	s.do(stricter.Start(s.ctx, a))
	after := inspect(t, a.Name)
	if !after.State.Running || after.ID == before.ID || capabilities(t, a.Name)&(1<<unix.CAP_NET_RAW) != 0 {
		t.Errorf("%s runs as it was made before: %t", a.Name, after.ID == before.ID)
	}
	// One that runs is left as it is.
	s.do(stricter.Start(s.ctx, a))
	if inspect(t, a.Name).ID != after.ID {
		t.Error("a replica that runs was made anew")
	}
}
