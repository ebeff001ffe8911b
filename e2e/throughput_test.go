//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"havn.internal/e2e/images"
)

// bursts is how often the two gateways take turns for a path, and rounds how many
// requests each of the connections of a client sends in a turn: short, so that both meet
// the same machine. The article's nginx closes a connection after 1000 requests.
const (
	bursts     = 150
	rounds     = 40
	visitors   = 32
	renewEvery = 1000/rounds - 1
)

// BenchmarkThroughput is what a request costs havn's gateway, and the article's
// nginx.conf in an nginx of the same image on the same network, before the same
// replicas: the CPU time of nginx's workers, since rates say what else the machine did.
// Of the turns the lower quartile counts, in which others disturbed least. Both log no
// requests. A ratio is the article's cost over havn's, as that of the rates would be on a
// machine that does nothing else.
func BenchmarkThroughput(b *testing.B) {
	s := prepare(b)
	s.write(quick("auth", 3001), quick("inventory", 3002), `routes: api: {
	hosts: ["api.coolvds-client.no"]
	paths: {"/auth": service: "auth", "/inventory": service: "inventory"}
	body: {max: "8m", buffer: "10k"}
	upstream: keepalive: 64
}`)
	s.start()
	s.converge()
	theirs := &gateway{addr: s.article(), container: s.site() + "-article"}
	ours := &gateway{addr: s.http(), container: s.site() + "-gateway"}
	for _, path := range []string{"/auth", "/inventory/check"} {
		theirs.costs, ours.costs = nil, nil
		for i := range bursts {
			for n := range 2 {
				g := []*gateway{theirs, ours}[(i+n)%2]
				if i%renewEvery == 0 {
					g.dial(s.t)
				}
				g.burst(s.t, path)
			}
		}
		name := strings.Split(path, "/")[1]
		slices.Sort(ours.costs)
		slices.Sort(theirs.costs)
		quartile := bursts / 4
		b.ReportMetric(ours.costs[quartile], name+"-us")
		b.ReportMetric(theirs.costs[quartile], name+"-written-us")
		b.ReportMetric(theirs.costs[quartile]/ours.costs[quartile], name+"-ratio")
		b.ReportMetric(median(theirs.costs)/median(ours.costs), name+"-median-ratio")
	}
	b.ReportMetric(0, "ns/op")
}

// A gateway is an nginx whose cost is measured.
type gateway struct {
	addr, container string
	workers         []string
	clients         []net.Conn
	answers         []*bufio.Reader
	costs           []float64 // of a request, in microseconds of CPU time
}

// dial opens the connections anew.
func (g *gateway) dial(t testing.TB) {
	t.Helper()
	pid := docker(t, "inspect", "--format", "{{.State.Pid}}", g.container)
	g.workers = strings.Fields(readFile(t, fmt.Sprintf("/proc/%[1]s/task/%[1]s/children", pid)))
	for _, c := range g.clients {
		_ = c.Close()
	}
	g.clients, g.answers = nil, nil
	for range visitors {
		c, err := net.Dial("tcp", g.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		g.clients, g.answers = append(g.clients, c), append(g.answers, bufio.NewReader(c))
	}
}

// burst has each client send its requests one after the other, beside the others.
func (g *gateway) burst(t testing.TB, path string) {
	t.Helper()
	request := "GET " + path + " HTTP/1.1\r\nHost: api.coolvds-client.no\r\n\r\n"
	before := cpuOf(t, g.workers)
	var clients errgroup.Group
	for i, c := range g.clients {
		clients.Go(func() error {
			for range rounds {
				if _, err := io.WriteString(c, request); err != nil {
					return err
				}
				a, err := http.ReadResponse(g.answers[i], nil)
				if err != nil {
					return err
				}
				if _, err := io.Copy(io.Discard, a.Body); err != nil || a.StatusCode != http.StatusOK {
					return fmt.Errorf("%s%s: %s, %w", g.addr, path, a.Status, err)
				}
			}
			return nil
		})
	}
	if err := clients.Wait(); err != nil {
		t.Fatal(err)
	}
	took := cpuOf(t, g.workers) - before
	g.costs = append(g.costs, float64(took.Nanoseconds())/1000/(rounds*visitors))
}

// cpuOf is how long processes have been on a CPU: the first field of
// /proc/PID/schedstat (Documentation/scheduler/sched-stats.rst), in nanoseconds;
// utime and stime of /proc/PID/stat have ticks of 10 ms, a burst's whole time.
func cpuOf(t testing.TB, pids []string) (sum time.Duration) {
	t.Helper()
	for _, pid := range pids {
		n, err := strconv.ParseInt(strings.Fields(readFile(t, "/proc/"+pid+"/schedstat"))[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(n)
	}
	return sum
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// quick is a service that takes little from what is measured: an nginx that answers
// by itself.
func quick(name string, port int) string {
	conf := fmt.Sprintf("events {}\nhttp {\n\taccess_log off;\n\tkeepalive_requests 100000;\n\tserver {\n\t\tlisten %d;\n\t\treturn 200 %s;\n\t}\n}\n", port, name)
	return fmt.Sprintf("services: %s: {image: \"nginx:1.30\", port: %d, files: \"/etc/nginx/nginx.conf\": content: %q}", name, port, conf)
}

// article runs an nginx with the article's nginx.conf before the scenario's replicas,
// and returns its address.
func (s *scenario) article() string {
	s.t.Helper()
	if _, err := images.Nginx(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	conf, err := os.ReadFile("testdata/article.conf")
	if err != nil {
		s.t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", 18400+int(s.lease))
	replace := []string{"listen 80;", "listen " + addr + ";"}
	for name, port := range map[string]string{"auth": "3001", "inventory": "3002"} {
		ip := docker(s.t, "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", s.replicas(name)[0])
		replace = append(replace, "127.0.0.1:"+port, ip+":"+port)
	}
	text := "worker_processes auto;\nevents {}\nhttp {\naccess_log off;\n" + strings.NewReplacer(replace...).Replace(string(conf)) + "}\n"
	main, name := filepath.Join(filepath.Dir(s.dir), "nginx.conf"), s.site()+"-article"
	if err := os.WriteFile(main, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	remove := func() { _, _ = tryDocker("rm", "--force", "--volumes", name) }
	s.t.Cleanup(remove)
	remove()
	docker(s.t, "run", "--detach", "--name", name, "--network", "host", "--volume", main+":/etc/nginx/nginx.conf:ro", "nginx:1.30")
	s.poll("the article's nginx listens", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, func() string { return addr })
	return addr
}
