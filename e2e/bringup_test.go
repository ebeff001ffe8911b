//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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
		before := s.written()
		for range 3 {
			idle = append(idle, s.timed("apply", s.dir))
		}
		if now := s.written(); now != before {
			b.Fatalf("passes that had nothing to do changed the host\nfrom %s\n  to %s", before, now)
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

// written is what an act of havn would change: containers, the network, and nginx's
// configurations.
func (s *scenario) written() string {
	s.t.Helper()
	generations, err := filepath.Glob(filepath.Join(s.state, "nginx", "gen-*"))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Join(append(s.containers(), generations...), "\n") + docker(s.t, "network", "inspect", s.site())
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
