package docker_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"havn.internal/reconciler/plan"
)

// A replica of an image that has been looked at costs three calls: create, a look at what
// the engine made of it, start.
func TestStartIsThreeCalls(t *testing.T) {
	p := newProxy(t)
	s := p.site(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	s.observe(want(service()))
	p.take()
	a := s.replica(service(), 0)
	s.do(s.Start(s.ctx, a))
	var kinds []string
	for _, call := range p.take() {
		kinds = append(kinds, strings.ReplaceAll(call, inspect(t, a.Name).ID, "ID"))
	}
	want := []string{"POST /containers/create", "GET /containers/ID/json", "POST /containers/ID/start"}
	if !slices.Equal(kinds, want) {
		t.Errorf("a start is %q, want %q", kinds, want)
	}
}

// What a start through havn costs over `docker run`, for whoever reads the log.
func TestStartAgainstDockerRun(t *testing.T) {
	s := newSite(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	var havn, docker []time.Duration
	for i := range 5 {
		a := s.replica(service(), i)
		begin := time.Now()
		s.do(s.Start(s.ctx, a))
		get(t, a, "/")
		havn = append(havn, time.Since(begin))

		b := s.replica(service(), 100+i)
		name := s.config.Site + "-run"
		begin = time.Now()
		out, err := exec.Command("docker", "run", "--detach", "--init", "--name", name, "--network", s.config.Site,
			"--ip", b.Addr.String(), replicaImage).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		get(t, b, "/")
		docker = append(docker, time.Since(begin))
		remove(t, name)
	}
	slices.Sort(havn)
	slices.Sort(docker)
	t.Logf("from start to the first answer, median of 5: %s; docker run: %s", havn[2], docker[2])
	if havn[2] > 3*docker[2] {
		t.Errorf("a start takes %s, and docker run %s", havn[2], docker[2])
	}
}
