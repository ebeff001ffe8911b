//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"havn.internal/e2e/images"
)

// BenchmarkThroughput is what a request costs havn's gateway, and the article's
// nginx.conf in an nginx of the same image on the same network, before the same
// replicas: the CPU time of nginx's workers over many requests, since rates say what
// else the machine did. Both log no requests. They take turns; a ratio is the
// article's cost over havn's, as it would be that of rates on a machine of their own.
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
	written := s.article()
	names := map[string]string{s.http(): s.site() + "-gateway", written: s.site() + "-article"}
	for _, path := range []string{"/auth", "/inventory/check"} {
		cost := map[string][]float64{}
		for range samples {
			for addr, container := range names {
				cost[addr] = append(cost[addr], s.cost(addr, container, path))
			}
		}
		name := strings.Split(path, "/")[1]
		ours, theirs := median(cost[s.http()]), median(cost[written])
		b.ReportMetric(ours, name+"-us")
		b.ReportMetric(theirs, name+"-written-us")
		b.ReportMetric(theirs/ours, name+"-ratio")
		b.Logf("%s: %.1f us of CPU a request, %.1f with the article's nginx.conf", path, cost[s.http()], cost[written])
	}
	b.ReportMetric(0, "ns/op")
}

// cost is the CPU time of a container's nginx workers for one request, in microseconds.
func (s *scenario) cost(addr, container, path string) float64 {
	s.t.Helper()
	workers := strings.Fields(readFile(s.t, fmt.Sprintf("/proc/%[1]s/task/%[1]s/children",
		docker(s.t, "inspect", "--format", "{{.State.Pid}}", container))))
	before := cpuOf(s.t, workers)
	requests := s.press(addr, path)
	return float64((cpuOf(s.t, workers) - before).Nanoseconds()) / 1000 / float64(requests)
}

// cpuOf is what processes have used: utime and stime of /proc/PID/stat, in ticks of
// 10 ms (proc(5)).
func cpuOf(t testing.TB, pids []string) time.Duration {
	t.Helper()
	var ticks int
	for _, pid := range pids {
		stat := readFile(t, "/proc/"+pid+"/stat")
		const utime, stime = 11, 12 // fields 14 and 15; the name before them may hold spaces
		fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
		for _, f := range []string{fields[utime], fields[stime]} {
			n, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
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

var requestsSent = regexp.MustCompile(`([0-9]+) requests in`)

// press sends as many requests as get through, for a time, and returns how many they
// were.
func (s *scenario) press(addr, path string) int {
	s.t.Helper()
	out, err := exec.Command("wrk", "--threads", "1", "--connections", "32", "--duration", "2s",
		"--header", "Host: api.coolvds-client.no", "http://"+addr+path).CombinedOutput()
	m := requestsSent.FindSubmatch(out)
	if err != nil || m == nil || strings.Contains(string(out), "Non-2xx") || strings.Contains(string(out), "Socket errors") {
		s.t.Fatalf("wrk on %s: %v: %s", addr, err, out)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil || n == 0 {
		s.t.Fatalf("wrk on %s: %v: %s", addr, err, out)
	}
	return n
}
