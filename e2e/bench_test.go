//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"havn.internal/e2e/traffic"
)

// samples is how often each thing is timed. The two sides of a comparison take
// turns, so that a busy machine slows both.
const samples = 10

func median[T cmp.Ordered](of []T) T {
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
