package spec

import (
	"fmt"
	"testing"
	"time"
)

// manyServices are n services, each with its volume and its route, in a file each.
func manyServices(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("s%d.cue", i)] = fmt.Sprintf(`package site

services: s%[1]d: {
	image:    "ghcr.io/acme/s%[1]d:1.4.2"
	replicas: 2
	port:     8080
	ports: metrics: 9100
	env: {
		A1: "value one", A2: "value two", A3: "value three", A4: "value four", A5: "value five"
		B1: 1, B2: 2, B3: true, B4: "x", B5: "y", C1: "z", C2: "q", C3: "w", C4: "e", C5: "r"
	}
	health: http: {path: "/healthz", port: 8080}
	health: interval: "2s"
	resources: {cpus: 0.5, memory: "256m", pids: 100}
	rollout: {strategy: "rolling", surge: 1, watch: "10s", drain: "30s"}
	volumes: "/data": {volume: "v%[1]d", shared: true}
	volumes: "/ro": {volume: "v%[1]d", readOnly: true}
	labels: {team: "a", "org.example/x": "y"}
	stop: {signal: "SIGTERM", grace: "10s"}
	log: maxSize: "10m"
	security: readOnlyRoot: true
}
volumes: v%[1]d: {}
routes: s%[1]d: {
	hosts: ["s%[1]d.example.no", "www.s%[1]d.example.no"]
	paths: "/": {service: "s%[1]d", timeouts: read: "30s"}
	paths: "/api": {service: "s%[1]d", port: "metrics", strip: true}
	body: {max: "8m", buffer: "10k"}
	upstream: keepalive: 64
	headers: response: "X-Frame-Options": "DENY"
}
`, i)
	}
	return files
}

// BenchmarkCheck1000 reads a site of 1,000 services as `havn check` does. x/vet is
// its time over that of `cue vet -c ./...` on the same directory.
func BenchmarkCheck1000(b *testing.B) {
	dir := repository(b, manyServices(1000))
	var ours, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		if site, err := Load(b.Context(), dir); err != nil || len(site.Services) != 1000 {
			b.Fatalf("%v: %d services", err, len(site.Services))
		}
		ours += time.Since(start)
		start = time.Now()
		if output, err := cueCommand(b, dir, "vet", "-c", "./..."); err != nil {
			b.Fatalf("%v: %s", err, output)
		}
		theirs += time.Since(start)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ours.Seconds()/float64(b.N), "s/check")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "x/vet")
}
