//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"havn.internal/e2e/traffic"
	"havn.internal/gitops/origin"
	"havn.internal/reconciler/journal"
)

// BenchmarkPush times a `git push` until the new version answers, under load: havn,
// which a webhook wakes, and what people have otherwise, a post-receive hook with
// `docker-compose up -d`. It counts the requests that each of them loses, and says
// which part of havn's way took how long.
func BenchmarkPush(b *testing.B) {
	s := prepare(b)
	dev := s.behindHTTPS("1h")
	peer := newPushedCompose(s)
	var pushes, others []time.Duration
	parts := map[string][]time.Duration{}
	for i := range samples {
		version := fmt.Sprint(i + 1)
		others = append(others, peer.push(version))
		begin := time.Now()
		dev.push(dev.signed(false, version))
		sent := time.Now()
		s.knock(dev.Head())
		pushes = append(pushes, s.answered(s.http(), "web.test", version, begin))
		s.converge()
		for name, took := range s.parts(dev.Head(), begin, sent) {
			parts[name] = append(parts[name], took)
		}
	}
	push, other := median(pushes), median(others)
	b.ReportMetric(ms(push), "push-ms")
	b.ReportMetric(ms(other), "compose-ms")
	b.ReportMetric(float64(push)/float64(other), "ratio")
	for name, all := range parts {
		b.ReportMetric(ms(median(all)), name+"-ms")
	}
	lost := 0
	for _, r := range s.stopLoad() {
		lost += len(r.Lost)
	}
	b.ReportMetric(float64(lost)/samples, "lost/push")
	b.ReportMetric(float64(len(peer.load.Stop().Lost))/samples, "compose-lost/push")
	b.ReportMetric(0, "ns/op")
	b.Logf("pushes %v\ncompose %v", pushes, others)
}

// BenchmarkPushPolled is BenchmarkPush without a webhook: the remote is asked every
// ten seconds, give or take a tenth.
func BenchmarkPushPolled(b *testing.B) {
	const interval = 10 * time.Second
	s := prepare(b)
	dev := s.behindHTTPS(interval.String())
	var pushes []time.Duration
	for i := range samples {
		version := fmt.Sprint(i + 1)
		<-time.After(rand.N(interval)) // pushes come at any moment between two polls
		begin := time.Now()
		dev.push(dev.signed(false, version))
		pushes = append(pushes, s.answered(s.http(), "web.test", version, begin))
		s.converge()
	}
	b.ReportMetric(ms(median(pushes)), "push-ms")
	b.ReportMetric(ms(slices.Max(pushes)), "worst-push-ms")
	lost := 0
	for _, r := range s.stopLoad() {
		lost += len(r.Lost)
	}
	b.ReportMetric(float64(lost)/samples, "lost/push")
	b.ReportMetric(0, "ns/op")
	b.Logf("pushes %v", pushes)
}

// knockSecret is that of the webhooks.
const knockSecret = "a secret of the hook"

// knocker is where the scenario's havn takes webhooks.
func (l lease) knocker() string { return fmt.Sprintf("127.0.0.1:%d", 18500+int(l)) }

// behindHTTPS brings the site up from a remote over https that takes signed commits
// only, and puts it under load.
func (s *scenario) behindHTTPS(interval string) *developer {
	s.t.Helper()
	hello(s.t, "1")
	bare := origin.New(s.t, "--bare")
	server, dev := bare.Serve(), newDeveloper(s.t, bare.Dir)
	secret := filepath.Join(filepath.Dir(s.dir), "hook-secret")
	if err := os.WriteFile(secret, []byte(knockSecret+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.followEvery(dev, server.Address())
	s.source = append(s.source, "--ca-file", server.CAFile, "--interval", interval,
		"--hook-kind", "github", "--hook-secret-file", secret, "--hook-listen", s.knocker())
	dev.push(dev.signed(false, "0"))
	s.start()
	s.converge()
	s.load("web.test", "web")
	return dev
}

// knock sends the webhook of a push.
func (s *scenario) knock(commit string) {
	s.t.Helper()
	if err := knock("github", "http://"+s.knocker(), commit); err != nil {
		s.t.Fatal(err)
	}
}

// parts are what the way of a commit from begin to the routed replica was made of,
// by the journal. The webhook was sent at sent.
func (s *scenario) parts(commit string, begin, sent time.Time) map[string]time.Duration {
	s.t.Helper()
	text, err := s.havn("history", "--json")
	var events []journal.Event
	if err := json.Unmarshal([]byte(text), &events); err != nil {
		s.t.Fatalf("history: %v: %s", err, text)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	find := func(act string) journal.Event {
		i := slices.IndexFunc(events, func(e journal.Event) bool { return e.Revision == commit && strings.HasPrefix(e.Act, act) })
		if i < 0 {
			s.t.Fatalf("history has no %q of %s:\n%s", act, commit, text)
		}
		return events[i]
	}
	taken, started, routed := find("take revision"), find("start web"), find("route")
	parts := map[string]time.Duration{
		"git-push": sent.Sub(begin), "hook": taken.At.Add(-taken.Took).Sub(sent), "plan": started.At.Add(-started.Took).Sub(taken.At),
		"start": started.Took, "ready": routed.At.Add(-routed.Took).Sub(started.At), "route": routed.Took,
	}
	for _, p := range taken.Parts {
		parts[p.Name] = p.Took
	}
	return parts
}

// A pushedCompose is one service that a post-receive hook brings up.
type pushedCompose struct {
	*developer
	s    *scenario
	addr string
	load *traffic.Stream
}

func newPushedCompose(s *scenario) *pushedCompose {
	s.t.Helper()
	tree, bare := s.t.TempDir(), origin.New(s.t, "--bare")
	up := fmt.Sprintf("docker-compose --project-name %s-pushed --file %s/compose.yaml ", s.site(), tree)
	bare.Plant("hooks/post-receive", "#!/bin/sh\nexec >/dev/null 2>&1\ngit --work-tree="+tree+" checkout -f main && "+up+"up -d\n", 0o755)
	p := &pushedCompose{newDeveloper(s.t, bare.Dir), s, fmt.Sprintf("127.0.0.1:%d", 18400+int(s.lease)), nil}
	s.t.Cleanup(func() { _ = exec.Command("sh", "-c", up+"down").Run() })
	p.push("0")
	p.load = traffic.Load{Addr: p.addr, Host: "web.test", Path: "/", Service: "web", Rate: 100}.Start()
	s.t.Cleanup(func() { p.load.Stop() })
	return p
}

// push pushes a version and waits until it answers.
func (p *pushedCompose) push(version string) time.Duration {
	p.s.t.Helper()
	file := fmt.Sprintf("networks: {default: {ipam: {config: [{subnet: 10.203.%d.0/24}]}}}\nservices:\n  web: {image: 'havn-hello:1', init: true, environment: {SERVICE: web, VERSION: '%s'}, ports: ['%s:8080']}\n",
		100+int(p.s.lease), version, p.addr)
	begin := time.Now()
	p.developer.push(p.Commit(map[string]string{"compose.yaml": file}))
	return p.s.answered(p.addr, "web.test", version, begin)
}
