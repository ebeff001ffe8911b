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

	"havn.internal/e2e/images"
)

// BenchmarkThroughput is how many requests a second get through havn's gateway, and
// how many through the article's nginx.conf in an nginx of the same image on the same
// network, before the same replicas. Both log no requests.
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
	for _, path := range []string{"/auth", "/inventory/check"} {
		var ours, theirs []float64
		for range samples {
			theirs = append(theirs, s.press(written, path))
			ours = append(ours, s.press(s.http(), path))
		}
		name := strings.Split(path, "/")[1]
		b.ReportMetric(median(ours), name+"-rps")
		b.ReportMetric(median(theirs), name+"-written-rps")
		b.ReportMetric(median(ours)/median(theirs), name+"-ratio")
		b.Logf("%s: %.0f requests a second, %.0f with the article's nginx.conf", path, ours, theirs)
	}
	b.ReportMetric(0, "ns/op")
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

var perSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

// press sends as many requests as get through, for a time, and returns how many a
// second they were.
func (s *scenario) press(addr, path string) float64 {
	s.t.Helper()
	out, err := exec.Command("wrk", "--threads", "1", "--connections", "32", "--duration", "2s",
		"--header", "Host: api.coolvds-client.no", "http://"+addr+path).CombinedOutput()
	m := perSecond.FindSubmatch(out)
	if err != nil || m == nil || strings.Contains(string(out), "Non-2xx") || strings.Contains(string(out), "Socket errors") {
		s.t.Fatalf("wrk on %s: %v: %s", addr, err, out)
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}
