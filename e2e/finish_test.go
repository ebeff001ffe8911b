//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"havn.internal/reconciler/console"
)

// finish ends the load and checks what every scenario has to leave behind: no lost
// request, the wanted objects and no others, and a host on which a new start of
// havn changes nothing.
func (s *scenario) finish() {
	s.t.Helper()
	for name, r := range s.stopLoad() {
		s.t.Logf("%s: %s", name, r)
		if r.Sent == 0 || len(r.Lost) > s.mayLose {
			s.t.Errorf("lost more than %d: %s: %s", s.mayLose, name, r)
		}
	}
	s.converge()
	s.checkOrphans()
	s.checkStill()
	s.checkDown()
}

// checkOrphans compares the containers with what the status says there should be.
func (s *scenario) checkOrphans() {
	s.t.Helper()
	st, err := s.status()
	if err != nil {
		s.t.Fatal(err)
	}
	want := append(slices.Clone(s.planted), s.site()+"-gateway")
	for _, one := range st.Services {
		if one.Ready != one.Wanted || len(one.Replicas) != one.Wanted {
			s.t.Errorf("service %s: %d wanted, %d ready, %d containers", one.Name, one.Wanted, one.Ready, len(one.Replicas))
		}
		for _, r := range one.Replicas {
			want = append(want, r.Name)
		}
	}
	if got := s.names(); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		s.t.Errorf("containers %q, want %q", got, want)
	}
}

// names are those of the site's containers.
func (s *scenario) names() []string {
	var out []string
	for _, line := range s.containers() {
		out = append(out, strings.TrimPrefix(strings.Fields(line)[0], "/"))
	}
	slices.Sort(out)
	return out
}

// checkStill starts havn anew: it may change nothing.
func (s *scenario) checkStill() {
	s.t.Helper()
	generation := func(st console.Status) int { return st.Gateway.Generation }
	before, err := s.status()
	if err != nil {
		s.t.Fatal(err)
	}
	containers := s.containers()
	s.stop()
	s.start()
	s.converge()
	after, err := s.status()
	if err != nil {
		s.t.Fatal(err)
	}
	s.unchanged("a pass that had nothing to do", containers)
	if generation(before) != generation(after) {
		s.t.Errorf("a pass that had nothing to do swapped generation %d for %d", generation(before), generation(after))
	}
}

// unchanged compares the containers with what they were before something that may not
// change them.
func (s *scenario) unchanged(what string, before []string) {
	s.t.Helper()
	if now := s.containers(); !slices.Equal(now, before) {
		s.t.Errorf("%s changed the containers\nfrom %q\n  to %q", what, before, now)
	}
}

// checkDown takes the site down: what is havn's goes, volumes excepted, and what
// is not havn's is as it was.
func (s *scenario) checkDown() {
	s.t.Helper()
	s.stop()
	volumes := docker(s.t, "volume", "ls", "--quiet", "--filter", "label=havn.site="+s.site())
	if out, err := s.havn("down", "--yes"); err != nil {
		s.t.Errorf("down: %v: %s", err, out)
	}
	if left := s.names(); !slices.Equal(left, slices.Sorted(slices.Values(s.planted))) {
		s.t.Errorf("down left %q", left)
	}
	if kept := docker(s.t, "volume", "ls", "--quiet", "--filter", "label=havn.site="+s.site()); kept != volumes {
		s.t.Errorf("down made volumes %q of %q", kept, volumes)
	}
	if now := s.inspectForeign(); now != s.foreignBefore {
		s.t.Errorf("what havn does not own changed\nfrom %s\n  to %s", s.foreignBefore, now)
	}
}

// tearDown ends what is left of the scenario, and keeps what tells of a failure, or
// of a success if HAVN_E2E_KEEP is set.
func (s *scenario) tearDown() {
	if s.t.Failed() || os.Getenv("HAVN_E2E_KEEP") != "" {
		for name, r := range s.stopLoad() {
			s.t.Logf("%s: %s", name, r)
		}
		s.keep()
	}
	_ = s.signal(syscall.SIGKILL)
}

// keep copies what tells of a failure to where it outlives the test.
func (s *scenario) keep() {
	dir := filepath.Join(os.TempDir(), "havn-e2e-failed", s.t.Name())
	_ = os.RemoveAll(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.t.Log(err)
		return
	}
	for what, from := range map[string]string{"logs": s.logs, "nginx": filepath.Join(s.state, "nginx"), "spec": s.dir} {
		_ = os.CopyFS(filepath.Join(dir, what), os.DirFS(from))
	}
	ps, _ := tryDocker("ps", "--all", "--no-trunc", "--filter", "label=havn.site="+s.site())
	_ = os.WriteFile(filepath.Join(dir, "docker-ps"), []byte(ps), 0o644)
	for _, name := range s.names() {
		out, _ := tryDocker("logs", "--tail", "200", name)
		_ = os.WriteFile(filepath.Join(dir, "log-"+name), []byte(out), 0o644)
	}
	s.t.Logf("kept what tells of it in %s", dir)
}
