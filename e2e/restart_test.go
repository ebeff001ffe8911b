//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// ten is ten services, each with a route.
func ten(round int) string {
	var parts []string
	for i := range 10 {
		name := fmt.Sprintf("s%d", i)
		parts = append(parts, svc(name, "1", fmt.Sprintf(`env: ROUND: "%d"`, round)), route(name+".test", name))
	}
	return site(parts...)
}

// BenchmarkRestart kills havn at any moment of a rollout of ten services and times
// the way from its next start to convergence; and whole rollouts of the same, from
// the write of the spec, in which nobody dies.
func BenchmarkRestart(b *testing.B) {
	s := prepare(b)
	hello(b, "1")
	s.write(ten(0))
	s.start()
	s.converge()
	var whole, rest []time.Duration
	for i := range samples {
		begin := time.Now()
		s.write(ten(2*i + 1))
		s.converge()
		whole = append(whole, time.Since(begin))
		s.write(ten(2*i + 2))
		<-time.After(rand.N(slices.Min(whole))) // the moment is the input
		s.crash()
		begin = time.Now()
		s.launch()
		s.converge()
		rest = append(rest, time.Since(begin))
	}
	b.ReportMetric(ms(median(rest)), "restart-ms")
	b.ReportMetric(ms(slices.Max(rest)), "worst-restart-ms")
	b.ReportMetric(ms(median(whole)), "rollout-ms")
	b.ReportMetric(ms(slices.Max(rest)-median(whole)), "worst-difference-ms")
	b.ReportMetric(0, "ns/op")
	b.Logf("from restart %v\nrollouts %v", rest, whole)
}
