package probe_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/reconciler/probe"
	"havn.internal/spec"
)

// replica is one at an address of this machine, with a check that is quick.
func replica(addr net.Addr, check spec.Health) plan.Container {
	ap := netip.MustParseAddrPort(addr.String())
	check.Interval = spec.Duration(10 * time.Millisecond)
	check.Successes, check.Failures = max(check.Successes, 1), max(check.Failures, 2)
	if check.Timeout == 0 {
		check.Timeout = spec.Duration(5 * time.Second)
	}
	return plan.Container{
		ID: "1", Name: "web", State: plan.Running, StartedAt: time.Now(), Addr: ap.Addr(),
		Release: spec.Release{Service: spec.Service{Port: int(ap.Port()), Health: check}},
	}
}

// settles probes c until its health is as asked for.
func settles(t *testing.T, p *probe.Prober, what string, ok func(plan.Health) bool) plan.Health {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * time.Minute); ; <-tick.C {
		h, _ := p.Health("web")
		if ok(h) {
			return h
		}
		if time.Now().After(deadline) {
			t.Fatalf("the replica is not %s but %+v", what, h)
		}
	}
}

func ready(h plan.Health) bool     { return h.Ready && !h.Unhealthy }
func unhealthy(h plan.Health) bool { return h.Unhealthy && !h.Ready }

func serve(t *testing.T, h http.HandlerFunc) net.Addr {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr()
}

func get(path string, low, high int) spec.Health {
	return spec.Health{Kind: spec.HealthHTTP, Path: path, Status: [2]int{low, high}}
}

func TestHTTP(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/who":
			if r.Host != "www.example.no" || r.Header.Get("X-Probe") != "yes" || r.URL.RawQuery != "a=b" {
				w.WriteHeader(http.StatusBadRequest)
			}
		case "/away":
			http.Redirect(w, r, "/who", http.StatusFound)
		case "/big":
			_, _ = w.Write(make([]byte, 1<<20))
		case "/no":
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprint(w, "no\x00\n database  ", strings.Repeat("ø", 500))
		case "/broken":
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write([]byte("x"))
		case "/slow":
			<-r.Context().Done()
		case "/hints":
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNoContent)
		case "/gone":
			panic(http.ErrAbortHandler)
		case "/endless":
			for w.Header().Set("X-Long", strings.Repeat("x", 4<<20)); ; {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		}
	})
	who := get("/who?a=b", 200, 200)
	who.Host, who.Headers = "www.example.no", map[string]string{"X-Probe": "yes"}
	slow := get("/slow", 200, 299)
	slow.Timeout = spec.Duration(50 * time.Millisecond)
	_, port, _ := net.SplitHostPort(addr.String())
	url := "GET :" + port
	for _, c := range []struct {
		check spec.Health
		ok    func(plan.Health) bool
		last  string
		said  string
	}{
		{who, ready, "/who: 200 OK", ""},
		{get("/who", 200, 200), unhealthy, "/who: 400 Bad Request, want 200 (if the program refuses the Host header, which is the replica's address, set health.http.host)", ""},
		{get("/away", 302, 302), ready, "/away: 302 Found", ""},
		{get("/away", 200, 299), unhealthy, "/away: 302 Found, want 200-299", "redirects to /who"},
		{get("/big", 200, 399), ready, "/big: 200 OK", ""},
		{get("/no", 503, 503), ready, "/no: 503 Service Unavailable", ""},
		{get("/no", 200, 200), unhealthy, "/no: 503 Service Unavailable, want 200", "no database " + strings.Repeat("ø", 108) + "..."},
		{get("/broken", 200, 399), unhealthy, "/broken: the answer broke off: no valid answer", ""},
		{slow, unhealthy, "/slow: no answer within 50ms", ""},
		{get("/hints", 204, 204), ready, "/hints: 204 No Content", ""},
		{get("/gone", 200, 399), unhealthy, "/gone: the replica closed the connection without an answer", ""},
		{get("/endless", 200, 399), unhealthy, "/endless: no valid answer", ""},
	} {
		p := probe.New(func() {})
		p.Watch([]plan.Container{replica(addr, c.check)})
		if h := settles(t, p, c.last, c.ok); h.Last != url+c.last || h.Said != c.said {
			t.Errorf("the last probe says %q and %q, want %q and %q", h.Last, h.Said, url+c.last, c.said)
		}
		p.Close()
	}
}

func TestTCP(t *testing.T) {
	listener := listen(t, "127.0.0.1:0")
	p := probe.New(func() {})
	defer p.Close()
	p.Watch([]plan.Container{replica(listener.Addr(), spec.Health{Kind: spec.HealthTCP})})
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	h := settles(t, p, "ready", ready)
	if want := "connect to port " + port + ": ok"; h.Last != want {
		t.Errorf("the last probe says %q, want %q", h.Last, want)
	}
	_ = listener.Close()
	h = settles(t, p, "unhealthy", unhealthy)
	if want := "connect to port " + port + ": connection refused: nothing listens on its IPv4 address; listen on 0.0.0.0, not on 127.0.0.1 or IPv6 only"; h.Last != want {
		t.Errorf("the last probe says %q, want %q", h.Last, want)
	}
	listener = listen(t, listener.Addr().String())
	defer func() { _ = listener.Close() }()
	settles(t, p, "ready again", ready)
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A port of the check's own goes before the service's.
func TestPortOfTheCheck(t *testing.T) {
	listener := listen(t, "127.0.0.1:0")
	defer func() { _ = listener.Close() }()
	c := replica(listener.Addr(), spec.Health{Kind: spec.HealthTCP})
	c.Release.Service.Health.Port, c.Release.Service.Port = c.Release.Service.Port, 1
	p := probe.New(func() {})
	defer p.Close()
	p.Watch([]plan.Container{c})
	settles(t, p, "ready", ready)
}

// A replica is seen to be ready soon after its port has opened.
func TestReadySoonAfterThePortOpened(t *testing.T) {
	listener := listen(t, "127.0.0.1:0")
	addr := listener.Addr()
	_ = listener.Close()
	c := replica(addr, spec.Health{Kind: spec.HealthTCP})
	c.Release.Service.Health.Interval = spec.Duration(time.Minute)
	woken := make(chan time.Time, 1)
	p := probe.New(func() { woken <- time.Now() })
	defer p.Close()
	p.Watch([]plan.Container{c})
	<-time.After(300 * time.Millisecond)
	listener = listen(t, addr.String())
	defer func() { _ = listener.Close() }()
	opened := time.Now()
	select {
	case at := <-woken:
		t.Logf("seen %s after the port opened", at.Sub(opened))
	case <-time.After(2 * time.Minute):
		t.Error("not seen for two minutes, though a probe of a replica that starts is due at least each 250 ms")
	}
}

// Successes and failures in a row decide; what fails in the start period does not
// count.
func TestThresholds(t *testing.T) {
	var fails, asked atomic.Int32
	fails.Store(1)
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if fails.Load() != 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	check := get("/", 200, 200)
	check.Successes, check.Failures, check.StartPeriod = 5, 3, spec.Duration(time.Hour)
	p := probe.New(func() {})
	defer p.Close()
	p.Watch([]plan.Container{replica(addr, check)})
	for asked.Load() < 20 {
		if h, _ := p.Health("web"); h.Ready || h.Unhealthy {
			t.Fatalf("in its start period it is %+v", h)
		}
	}
	asked.Store(0)
	fails.Store(0)
	settles(t, p, "ready", ready)
	if n := asked.Load(); n < 5 {
		t.Errorf("it was ready after %d answers, want 5", n)
	}
	asked.Store(0)
	fails.Store(1)
	settles(t, p, "unhealthy", unhealthy)
	if n := asked.Load(); n < 3 {
		t.Errorf("it was unhealthy after %d failures, want 3", n)
	}
}
