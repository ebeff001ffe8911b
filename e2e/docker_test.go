//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"havn.internal/e2e/images"
)

// docker runs the docker command and returns what it printed.
func docker(t testing.TB, args ...string) string {
	t.Helper()
	out, err := tryDocker(args...)
	if err != nil {
		t.Fatalf("docker %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}

// tryDocker is docker where failing is an outcome. It works also after the end of
// a test's context.
func tryDocker(args ...string) (string, error) {
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(context.Background(), "docker", args...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return complaints.String(), err
	}
	return strings.TrimSpace(out.String()), nil
}

// hello ensures versions of the test server.
func hello(t testing.TB, versions ...string) {
	t.Helper()
	for _, v := range versions {
		if _, err := images.Hello(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
}

// containers returns the site's containers, "name state id started restarts" each.
func (s *scenario) containers() []string {
	s.t.Helper()
	ids := strings.Fields(docker(s.t, "ps", "--all", "--quiet", "--no-trunc", "--filter", "label=havn.site="+s.site()))
	if len(ids) == 0 {
		return nil
	}
	out := docker(s.t, append([]string{
		"inspect", "--format", "{{.Name}} {{.State.Status}} {{.Id}} {{.State.StartedAt}} {{.RestartCount}}",
	}, ids...)...)
	lines := strings.Split(out, "\n")
	slices.Sort(lines)
	return lines
}

// replicas returns the names of a service's running containers, oldest slot first.
func (s *scenario) replicas(service string) []string {
	s.t.Helper()
	names := strings.Fields(docker(s.t, "ps", "--format", "{{.Names}}",
		"--filter", "label=havn.site="+s.site(), "--filter", "label=havn.service="+service))
	slices.Sort(names)
	return names
}

// plantForeign makes objects that resemble havn's and are not: nothing may change
// about them.
func (s *scenario) plantForeign() {
	s.t.Helper()
	hello(s.t, "1")
	docker(s.t, "network", "create", s.foreign())
	docker(s.t, "volume", "create", s.foreign())
	docker(s.t, "create", "--name", s.foreign(), "--label", "havn.site="+s.site(), "--label", "havn.service=web",
		"--network", s.foreign(), "--volume", s.foreign()+":/data", "havn-hello:1")
	s.planted = []string{s.foreign()}
	s.foreignBefore = s.inspectForeign()
}

// plantCopy makes a container of an image that was committed from a replica: it
// has all labels of the replica, and another name.
func (s *scenario) plantCopy(replica string) {
	s.t.Helper()
	copied := s.foreign() + "-copy"
	docker(s.t, "commit", replica, copied)
	s.t.Cleanup(func() { _, _ = tryDocker("rmi", "--force", copied) })
	docker(s.t, "create", "--name", copied, "--network", s.foreign(), copied)
	s.planted = append(s.planted, copied)
	s.foreignBefore = s.inspectForeign()
}

func (s *scenario) inspectForeign() string {
	s.t.Helper()
	return docker(s.t, append([]string{"container", "inspect"}, s.planted...)...) +
		docker(s.t, "network", "inspect", s.foreign()) + docker(s.t, "volume", "inspect", s.foreign())
}

// tryDockerBoth returns what docker printed to both of its outputs.
func tryDockerBoth(args ...string) (string, error) {
	out, err := exec.CommandContext(context.Background(), "docker", args...).CombinedOutput()
	return string(out), err
}
