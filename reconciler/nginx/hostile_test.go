package nginx

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"havn.internal/e2e/images"
	"havn.internal/e2e/traffic"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// harm is how long a hostile client waits for what becomes of its request.
const harm = 500 * time.Millisecond

// rawAnswers are what a broken service may send for a request, to the byte.
var rawAnswers = map[string]string{
	"nothing":         "",
	"large headers":   "HTTP/1.1 200 OK\r\nX-Large: " + strings.Repeat("x", 200<<10) + "\r\nContent-Length: 0\r\n\r\n",
	"invalid header":  "HTTP/1.1 200 OK\r\nX-\x00\x01: y\r\nno colon\r\nContent-Length: 0\r\n\r\n",
	"invalid status":  "BOGUS twelve\r\n\r\n",
	"two lengths":     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
	"cut body":        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nten bytes.",
	"cut chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nten bytes.",
	"invalid chunk":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n",
	"second answer":   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
	"switch unasked":  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nwhat follows",
	"server's errors": "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
	"internal answer": "HTTP/1.1 200 OK\r\nX-Accel-Redirect: /generation\r\nX-Accel-Limit-Rate: 1\r\nContent-Length: 2\r\n\r\nok",
}

// broken is a service that answers /good as [answers] does, and each other path as
// badly as the path says.
func broken(t *testing.T) netip.AddrPort {
	t.Helper()
	good := answering("app", "a")
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/good" {
			good(w, r)
			return
		}
		kind := strings.ReplaceAll(strings.TrimPrefix(r.URL.Path, "/"), "_", " ")
		if kind == "hang" {
			select {
			case <-r.Context().Done():
			case <-t.Context().Done():
			}
			return
		}
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		switch text, is := rawAnswers[kind]; {
		case is:
			_, _ = io.WriteString(c, text)
		case kind == "reset":
			_ = c.(*net.TCPConn).SetLinger(0)
		case kind == "endless":
			_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			for err == nil {
				_, err = io.WriteString(c, strings.Repeat("x", 4<<10))
			}
		}
	}))
}

// A client that does harm sends this, and goes away after harm at the latest. %s is the
// host.
var hostileRequests = map[string]string{
	"half a POST":       "POST /good HTTP/1.1\r\nHost: %s\r\nContent-Length: 100000\r\n\r\nten bytes.",
	"large body":        "POST /good HTTP/1.1\r\nHost: %s\r\nContent-Length: 104857600\r\n\r\nten bytes.",
	"h2c":               "GET /good HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
	"half a WebSocket":  "GET /hang HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	"large headers in":  "GET /good HTTP/1.1\r\nHost: %s\r\nX-Large: " + strings.Repeat("x", 300<<10) + "\r\n\r\n",
	"large URI":         "GET /good?" + strings.Repeat("x", 300<<10) + " HTTP/1.1\r\nHost: %s\r\n\r\n",
	"many headers":      "GET /good HTTP/1.1\r\nHost: %s\r\n" + strings.Repeat("X-Many: x\r\n", 5000) + "\r\n",
	"TLS":               "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03%s",
	"two lengths in":    "POST /good HTTP/1.1\r\nHost: %s\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"invalid chunk in":  "POST /good HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n",
	"slow header":       "GET /good HTTP/1.1\r\nHost: %s\r\nX-Slow: ",
	"expects":           "POST /good HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n",
	"pipelined":         strings.Repeat("GET /good HTTP/1.1\r\nHost: %s\r\n\r\nGET /nothing HTTP/1.1\r\nHost: %s\r\n\r\n", 5),
	"leaves":            "GET /hang HTTP/1.1\r\nHost: %s\r\n\r\n",
	"another host":      "GET http://other.example/good HTTP/1.1\r\nHost: %s\r\n\r\n",
	"method of its own": "BREW /nothing HTTP/1.1\r\nHost: %s\r\n\r\n",
}

// hostileKinds are the requests by kind: those, and a GET and a POST for what a broken
// service answers.
func hostileKinds() map[string]string {
	out := map[string]string{}
	for kind, text := range hostileRequests {
		out[kind] = text
	}
	paths := []string{"hang", "reset", "endless"}
	for kind := range rawAnswers {
		paths = append(paths, kind)
	}
	for _, kind := range paths {
		path := "/" + strings.ReplaceAll(kind, " ", "_")
		out["GET "+kind] = "GET " + path + " HTTP/1.1\r\nHost: %s\r\n\r\n"
		out["POST "+kind] = "POST " + path + " HTTP/1.1\r\nHost: %s\r\nContent-Length: 4\r\n\r\nbody"
	}
	return out
}

// offend sends a hostile request and goes, every other time with a reset.
func offend(addr, request string, reset bool) {
	c, err := net.DialTimeout("tcp", addr, harm)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	if reset {
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	_ = c.SetDeadline(time.Now().Add(harm))
	if _, err := io.WriteString(c, request); err == nil {
		_, _ = io.CopyN(io.Discard, c, 64<<10)
	}
}

// TestOneRequestHarmsOneRequest: beside each kind of hostile request, two a second, no
// good request of the same replicas fails, with two replicas and with one.
func TestOneRequestHarmsOneRequest(t *testing.T) {
	for name, image := range map[string]func() (string, error){
		"new": func() (string, error) { return images.Nginx(t.Context()) },
		"old": func() (string, error) { return images.NginxOld(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			ref, err := image()
			if err != nil {
				t.Fatal(err)
			}
			besideHostile(t, rigOf(t, ref).start())
		})
	}
}

// besideHostile sends all kinds at once, to two replicas and to one that is alone.
func besideHostile(t *testing.T, r *rig) {
	const goodRate, enough = 40, 200
	hosts := map[string]*traffic.Stream{"one.example": nil, "two.example": nil}
	var ls []plan.Location
	for host, replicas := range map[string][]netip.AddrPort{"one.example": {broken(t)}, "two.example": {broken(t), broken(t)}} {
		// The replicas are the same, and one upstream in nginx.
		bad := to(host, "/", replicas...)
		bad.Target.Options.Timeouts.Read = spec.Duration(harm / 2)
		ls = append(ls, bad, to(host, "/good", replicas...))
	}
	r.set(ls...)
	for host := range hosts {
		hosts[host] = traffic.Load{Addr: r.addr, Host: host, Path: "/good", Service: "app", Rate: goodRate}.Start()
	}
	stop, sent := make(chan struct{}), &atomic.Int32{}
	var offenders sync.WaitGroup
	for host := range hosts {
		for _, request := range hostileKinds() {
			offenders.Go(func() { offendUntil(stop, r.addr, strings.ReplaceAll(request, "%s", host), sent) })
		}
	}
	eventually(t, "enough was sent", func() bool {
		return sent.Load() > enough && hosts["one.example"].Report().Sent > enough && hosts["two.example"].Report().Sent > enough
	})
	close(stop)
	offenders.Wait()
	for host, l := range hosts {
		report := l.Stop()
		if len(report.Lost) > 0 {
			t.Errorf("%s: %s", host, report)
		}
		t.Logf("%s, beside %d hostile requests of %d kinds: %s", host, sent.Load(), len(hostileKinds()), report)
	}
}

// offendUntil sends two hostile requests a second.
func offendUntil(stop <-chan struct{}, addr, request string, sent *atomic.Int32) {
	for reset := false; ; reset = !reset {
		select {
		case <-stop:
			return
		case <-time.After(harm):
			offend(addr, request, reset)
			sent.Add(1)
		}
	}
}
