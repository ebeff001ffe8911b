//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"havn.internal/e2e/traffic"
	"havn.internal/reconciler/console"
)

// BenchmarkHeal times a replica that is removed by hand until another one is
// routed in its place, and `docker run` of the same image until its first answer.
func BenchmarkHeal(b *testing.B) {
	s := prepare(b)
	hello(b, "1")
	s.write(web("1", "replicas: 2"))
	s.start()
	s.converge()
	bare := newBare(s)
	var heals, runs []time.Duration
	for range samples {
		runs = append(runs, bare.run("1"))
		victim := s.replicas("web")[0]
		id := docker(b, "inspect", "--format", "{{.Id}}", victim)
		begin := time.Now()
		docker(b, "rm", "--force", victim)
		s.await("another replica is routed", func(st console.Status) bool {
			one := service(st, "web")
			return st.Converged && one.Routed == 2 && !slices.Contains(s.ids("web"), id)
		})
		heals = append(heals, time.Since(begin))
	}
	worst := slices.Max(heals)
	b.ReportMetric(ms(median(heals)), "heal-ms")
	b.ReportMetric(ms(worst), "worst-heal-ms")
	b.ReportMetric(ms(median(runs)), "docker-run-ms")
	b.ReportMetric(float64(median(heals))/float64(median(runs)), "ratio")
	b.ReportMetric(0, "ns/op")
}

// ids are those of a service's running containers.
func (s *scenario) ids(service string) []string {
	s.t.Helper()
	return strings.Fields(docker(s.t, "ps", "--quiet", "--no-trunc",
		"--filter", "label=havn.site="+s.site(), "--filter", "label=havn.service="+service))
}

// BenchmarkIdle measures what havn takes while it has nothing to do but to ask twenty
// replicas each second whether they are well; and what a loop takes that asks them
// and does nothing else.
func BenchmarkIdle(b *testing.B) {
	s := prepare(b)
	hello(b, "1")
	var parts []string
	for i := range 10 {
		name := fmt.Sprintf("s%d", i)
		parts = append(parts, fmt.Sprintf(`services: %s: {image: "havn-hello:1", port: 8080, replicas: 2, health: {http: path: "/", interval: "1s"}}`, name), route(name+".test", name))
	}
	s.write(parts...)
	s.start()
	s.converge()
	const long = 20
	before := processor(b, s.daemon.cmd.Process.Pid)
	<-time.After(long * time.Second) // the measure is taken over this time
	used := processor(b, s.daemon.cmd.Process.Pid) - before
	b.ReportMetric(100*used.Seconds()/long, "%cpu")
	var addrs []string
	for i := range 10 {
		ids := s.ids(fmt.Sprintf("s%d", i))
		addrs = append(addrs, strings.Fields(docker(b, append([]string{"inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}:8080{{end}}"}, ids...)...))...)
	}
	before = processor(b, os.Getpid())
	for range long {
		<-time.After(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
		for _, addr := range addrs {
			if _, err := traffic.Get(b.Context(), addr, "", "/"); err != nil {
				b.Fatal(err)
			}
		}
	}
	used = processor(b, os.Getpid()) - before
	b.ReportMetric(100*used.Seconds()/long, "loop-%cpu")
	b.ReportMetric(s.daemon.memory(b), "MiB")
	b.ReportMetric(0, "ns/op")
}

// processor is the processor time a process has used.
func processor(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const user, system, tick = 11, 12, 10 * time.Millisecond // proc_pid_stat(5), after the name
	var sum time.Duration
	for _, f := range fields[user : system+1] {
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(n) * tick
	}
	return sum
}

// memory is havn's resident set in MiB.
func (d *daemon) memory(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, line := range strings.Split(string(status), "\n") {
		if kib, found := strings.CutPrefix(line, "VmRSS:"); found {
			n, err := strconv.Atoi(strings.Fields(kib)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(n) / 1024
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
