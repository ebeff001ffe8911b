//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"havn.internal/e2e/traffic"
)

// samples is how often each thing is timed. The two sides of a comparison take
// turns, so that a busy machine slows both.
const samples = 10

func median(of []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// answered waits until an address answers with a version, and returns how long
// after begin that was.
func (s *scenario) answered(addr, host, version string, begin time.Time) time.Duration {
	s.t.Helper()
	for time.Since(begin) < patience {
		a, err := traffic.Get(s.t.Context(), addr, host, "/")
		if err == nil && a.Version == version {
			return time.Since(begin)
		}
		<-time.After(2 * time.Millisecond)
	}
	s.t.Fatalf("%s does not answer with version %s", addr, version)
	return 0
}

// BenchmarkDeploy times a change of the spec until the new version answers, and
// `docker run` of the same image until its first answer.
func BenchmarkDeploy(b *testing.B) {
	s := prepare(b)
	hello(b, "1", "2")
	s.write(web("1"))
	s.start()
	s.converge()
	bare := newBare(s)
	var deploys, runs []time.Duration
	for i := range samples {
		version := []string{"2", "1"}[i%2]
		runs = append(runs, bare.run(version))
		begin := time.Now()
		s.write(web(version, fmt.Sprintf(`env: ROUND: "%d"`, i)))
		deploys = append(deploys, s.answered(s.http(), "web.test", version, begin))
		s.converge()
	}
	deploy, run := median(deploys), median(runs)
	b.ReportMetric(ms(deploy), "deploy-ms")
	b.ReportMetric(ms(run), "docker-run-ms")
	b.ReportMetric(ms(deploy-run), "difference-ms")
	b.ReportMetric(float64(deploy)/float64(run), "ratio")
	b.ReportMetric(0, "ns/op")
	b.Logf("deploys %v\nruns %v", deploys, runs)
}

// A bare is a network in which `docker run` is timed.
type bare struct {
	s             *scenario
	name, address string
}

func newBare(s *scenario) bare {
	r := bare{s, s.foreign() + "-bare", fmt.Sprintf("10.203.%d.9", 100+int(s.lease))}
	clean := func() {
		_, _ = tryDocker("rm", "--force", r.name)
		_, _ = tryDocker("network", "rm", r.name)
	}
	clean()
	s.t.Cleanup(clean)
	docker(s.t, "network", "create", "--subnet", r.address[:len(r.address)-1]+"0/24", r.name)
	return r
}

func (r bare) run(version string) time.Duration {
	r.s.t.Helper()
	begin := time.Now()
	docker(r.s.t, "run", "--detach", "--name", r.name, "--network", r.name, "--ip", r.address, "havn-hello:"+version)
	took := r.s.answered(r.address+":8080", "", version, begin)
	docker(r.s.t, "rm", "--force", r.name)
	return took
}

const (
	manyServices = 20
	manyReplicas = 2
)

// many is a site of many services.
func many() string {
	var parts []string
	for i := range manyServices {
		name := fmt.Sprintf("s%d", i)
		parts = append(parts, svc(name, "1", fmt.Sprintf("replicas: %d", manyReplicas)), route(name+".test", name))
	}
	return site(parts...)
}

// BenchmarkBringUp times the start of many services, from nothing until all are
// ready and routed, and the same with Compose, which waits for nothing; then a
// second go of each, which has nothing to do.
func BenchmarkBringUp(b *testing.B) {
	s := prepare(b)
	hello(b, "1")
	c := newCompose(s)
	s.write(many())
	var up, idle, composeUp, composeIdle []time.Duration
	for range 3 {
		up = append(up, s.timed("apply", s.dir))
		for range 3 {
			idle = append(idle, s.timed("apply", s.dir))
		}
		s.timed("down", "--yes")
		composeUp = append(composeUp, c.timed("up", "--detach"))
		for range 3 {
			composeIdle = append(composeIdle, c.timed("up", "--detach"))
		}
		c.timed("down")
	}
	b.ReportMetric(ms(median(up)), "up-ms")
	b.ReportMetric(ms(median(composeUp)), "compose-up-ms")
	b.ReportMetric(float64(median(up))/float64(median(composeUp)), "up-ratio")
	b.ReportMetric(ms(median(idle)), "idle-ms")
	b.ReportMetric(ms(median(composeIdle)), "compose-idle-ms")
	b.ReportMetric(float64(median(idle))/float64(median(composeIdle)), "idle-ratio")
	b.ReportMetric(0, "ns/op")
	b.Logf("up %v, %v with Compose", up, composeUp)
}

// timed runs a command of havn.
func (s *scenario) timed(args ...string) time.Duration {
	s.t.Helper()
	begin := time.Now()
	if out, err := s.havn(args...); err != nil {
		s.t.Fatalf("havn %s: %v: %s", args[0], err, out)
	}
	return time.Since(begin)
}

// compose is the same many services for Compose.
type compose struct {
	s          *scenario
	file, name string
}

func newCompose(s *scenario) compose {
	s.t.Helper()
	var y strings.Builder
	fmt.Fprintf(&y, "networks: {default: {ipam: {config: [{subnet: 10.203.%d.0/24}]}}}\nservices:\n", 100+int(s.lease))
	for i := range manyServices {
		fmt.Fprintf(&y, "  s%d: {image: 'havn-hello:1', init: true, environment: {SERVICE: s%d}, deploy: {replicas: %d}}\n", i, i, manyReplicas)
	}
	file := filepath.Join(filepath.Dir(s.dir), "compose.yaml")
	if err := os.WriteFile(file, []byte(y.String()), 0o644); err != nil {
		s.t.Fatal(err)
	}
	c := compose{s, file, s.site() + "-compose"}
	s.t.Cleanup(func() { _ = c.command("down").Run() })
	return c
}

func (c compose) command(args ...string) *exec.Cmd {
	return exec.Command("docker-compose", append([]string{"--project-name", c.name, "--file", c.file}, args...)...)
}

func (c compose) timed(args ...string) time.Duration {
	c.s.t.Helper()
	var complaints bytes.Buffer
	cmd := c.command(args...)
	cmd.Stderr = &complaints
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		c.s.t.Fatalf("docker-compose %s: %v: %s", args[0], err, complaints.String())
	}
	return time.Since(begin)
}
