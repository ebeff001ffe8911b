//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"havn.internal/reconciler/console"
)

// A release that crashes is not reached, whatever was there before: apply says why, exits 1,
// and what served goes on.
func TestACrashLoopIsNotConverged(t *testing.T) {
	s := newScenario(t)
	hello(t, "1", "2")
	s.havnAppliesWith(false, web("1", `env: {DIE: "100ms", READY: "never"}`))
	s.havnAppliesWith(true, web("1"))
	s.havnAppliesWith(false, web("2", `env: {DIE: "100ms", READY: "never"}`))
	s.start()
	s.load("web.test", "web", "1")
	s.stopLoad()
}

// havnAppliesWith applies a site with no havn running, and wants that to succeed or not.
func (s *scenario) havnAppliesWith(success bool, parts ...string) {
	s.t.Helper()
	s.write(parts...)
	out, err := s.havn("apply", s.dir)
	if (err == nil) != success || strings.Contains(out, "converged to") != success {
		s.t.Errorf("apply: %v\n%s", err, out)
	}
}

// A database that is renamed keeps its volume: at no time do two of its containers run.
func TestARenamedDatabaseHasOneWriter(t *testing.T) {
	const volume = `volumes: "/data": "data"`
	db := func(name string) string {
		return site(svc(name, "1", volume), route("db.test", name), `volumes: data: {}`)
	}
	s := newScenario(t)
	hello(t, "1")
	began := time.Now()
	s.start()
	s.apply(db("db"))
	s.write(db("pg"))
	out, err := s.havn("plan", s.dir)
	if !strings.Contains(out, "volume data goes to pg") {
		t.Errorf("plan does not name the outage: %v\n%s", err, out)
	}
	s.converge()
	if left := s.replicas("db"); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	s.oneAtATime(began)
}

// oneAtATime wants that no container of the site started since then while another ran.
func (s *scenario) oneAtATime(since time.Time) {
	s.t.Helper()
	events := docker(s.t, "events", "--since", fmt.Sprintf("%d", since.Unix()), "--until", fmt.Sprintf("%d", time.Now().Unix()+1),
		"--filter", "type=container", "--filter", "label=havn.site="+s.site(), "--filter", "label=havn.role=replica",
		"--filter", "event=start", "--filter", "event=die", "--format", "{{.Action}} {{.Actor.Attributes.name}}")
	running, started := 0, 0
	for _, line := range strings.Split(strings.TrimSpace(events), "\n") {
		switch what, name, _ := strings.Cut(line, " "); what {
		case "start":
			running, started = running+1, started+1
			if running > 1 {
				s.t.Errorf("%s starts while another runs:\n%s", name, events)
			}
		case "die":
			running--
		}
	}
	if started < 2 {
		s.t.Errorf("%d starts were seen:\n%s", started, events)
	}
}

// A port that another program has is found before anything stops for it: the plan says so,
// and the service goes on.
func TestATakenPortStopsNothing(t *testing.T) {
	publishes := func(version, at string) string {
		return web(version, fmt.Sprintf(`ports: public: {port: 8081, host: %q}`, at))
	}
	free, taken := listenOnce(t), listenOnce(t)
	at := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := running(t, publishes("1", at), "1", "2")
	s.write(publishes("2", taken.Addr().String()))
	st := s.await("web is blocked", func(st console.Status) bool { return service(st, "web").Phase == "blocked" })
	if out, _ := s.havn("plan", s.dir); !strings.Contains(out, taken.Addr().String()+"/tcp is taken") {
		t.Errorf("the plan does not say it:\n%s", out)
	}
	if why := strings.Join(service(st, "web").Blocked, " "); !strings.Contains(why, taken.Addr().String()) {
		t.Errorf("it does not say why: %q", why)
	}
	s.write(publishes("1", at))
	s.converge()
	s.stopLoad()
}

func listenOnce(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}
