package nginx

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"havn.internal/e2e/traffic"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func TestRequestForms(t *testing.T) {
	r := newRig(t).start()
	r.set(to("a.example", "/", mirror(t, "a")), to("_", "/", mirror(t, "default")))
	for _, c := range []struct{ name, request, service, host, method string }{
		{"1.0", "GET /x HTTP/1.0\r\nHost: a.example\r\n\r\n", "a", "a.example", "GET"},
		{"1.0 without a host", "GET /x HTTP/1.0\r\n\r\n", "default", strings.Split(r.addr, ":")[0], "GET"},
		{"a whole URL", "GET http://a.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n", "a", "a.example", "GET"},
		{"a whole URL of another host", "GET http://a.example/x HTTP/1.1\r\nHost: b.example\r\n\r\n", "a", "a.example", "GET"},
		{"OPTIONS", "OPTIONS /x HTTP/1.1\r\nHost: a.example\r\n\r\n", "a", "a.example", "OPTIONS"},
		{"PATCH", "PATCH /x HTTP/1.1\r\nHost: a.example:90\r\nContent-Length: 1\r\n\r\nx", "a", "a.example:90", "PATCH"},
		{"chunks", "POST /x HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "a", "a.example", "POST"},
	} {
		s := r.raw(c.request).seen(t)
		if s.Name != c.service || s.Host != c.host || s.Method != c.method || s.URI != "/x" {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
	if a := r.raw("HEAD /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"); a.status != 200 || a.body != "" || a.header.Get("Content-Type") == "" {
		t.Errorf("HEAD: %+v", a)
	}
	for name, request := range map[string]string{
		"two hosts":             "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
		"no host":               "GET / HTTP/1.1\r\n\r\n",
		"two lengths":           "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
		"length and chunks":     "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a line feed in a name": "GET / HTTP/1.1\r\nHost: a.example\r\nX-A\n: b\r\n\r\n",
	} {
		if a := r.raw(request); a.status != http.StatusBadRequest {
			t.Errorf("%s: status %d, want 400", name, a.status)
		}
	}
}

func TestBodyLimitAndBuffer(t *testing.T) {
	r := newRig(t).start()
	small, free := to("small.example", "/", mirror(t, "small")), to("free.example", "/", mirror(t, "free"))
	small.Target.Options.Body = spec.Body{Max: 8 << 10, Buffer: 1 << 10, Buffering: true}
	free.Target.Options.Body = spec.Body{Max: 0, Buffer: 10 << 10, Buffering: true}
	r.set(small, free)
	post := func(host string, n int) answer {
		return r.raw(fmt.Sprintf("POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", host, n, strings.Repeat("x", n)))
	}
	if a := post("small.example", 8<<10); a.status != 200 || a.seen(t).Body != 8<<10 {
		t.Errorf("at the limit: %+v", a)
	}
	if a := post("small.example", 8<<10+1); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("above the limit: status %d", a.status)
	}
	if a := post("free.example", 3<<20); a.status != 200 || a.seen(t).Body != 3<<20 {
		t.Errorf("no limit: status %d", a.status)
	}
}

// TestARequestBodyIsCollectedOrNot: with buffering the service hears of a request
// when its body is whole.
func TestARequestBodyIsCollectedOrNot(t *testing.T) {
	r := newRig(t).start()
	heard := make(chan string, 2)
	service := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard <- r.Host
		_, _ = io.Copy(w, r.Body)
	}))
	direct := to("direct.example", "/", service)
	direct.Target.Options.Body.Buffering = false
	r.set(to("collected.example", "/", service), direct)
	for _, host := range []string{"collected.example", "direct.example"} {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_, _ = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 2\r\n\r\nx", host)
	}
	if first := <-heard; first != "direct.example" {
		t.Errorf("%s was heard of first", first)
	}
}

func TestExpectContinue(t *testing.T) {
	r := newRig(t).start()
	r.set(to("a.example", "/", mirror(t, "a")))
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	in := bufio.NewReader(c)
	if line, _ := in.ReadString('\n'); !strings.Contains(line, " 100 ") {
		t.Fatalf("got %q", line)
	}
	_, _ = in.ReadString('\n')
	_, _ = io.WriteString(c, "body")
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v %v", resp, err)
	}
	_ = resp.Body.Close()
}

func TestTimeouts(t *testing.T) {
	r := newRig(t).start()
	release := make(chan struct{})
	slow := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer close(release)
	l := to("a.example", "/", slow)
	l.Target.Options.Timeouts.Read = spec.Duration(200 * time.Millisecond)
	r.set(l)
	if a := r.get("a.example", "/"); a.status != http.StatusGatewayTimeout {
		t.Errorf("status %d, want 504", a.status)
	}
}

// TestEventsPassAtOnce: without buffering, and where the service asks for it, a
// part of an answer is passed on before the next is made.
func TestEventsPassAtOnce(t *testing.T) {
	r := newRig(t).start()
	next := make(chan struct{})
	events := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		if r.URL.Path == "/asked" {
			w.Header().Set("X-Accel-Buffering", "no")
		}
		for i := range 3 {
			_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			<-next
		}
	}))
	direct := to("direct.example", "/", events)
	direct.Target.Options.Buffering = false
	r.set(direct, to("asked.example", "/", events))
	for host, path := range map[string]string{"direct.example": "/", "asked.example": "/asked"} {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
		_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		body := bufio.NewReader(resp.Body)
		for i := range 3 {
			if line, err := body.ReadString('\n'); line != fmt.Sprintf("data: %d\n", i) {
				t.Fatalf("%s: %q %v", host, line, err)
			}
			_, _ = body.ReadString('\n')
			next <- struct{}{}
		}
	}
}

func TestWebSocketsPassUnlessSwitchedOff(t *testing.T) {
	r := newRig(t).start()
	echo := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, message) != nil {
				return
			}
		}
	}))
	off := to("off.example", "/", echo)
	off.Target.Options.WebSocket = false
	r.set(to("on.example", "/", echo), off)
	s, err := traffic.OpenSocket(t.Context(), r.addr, "on.example", "/", 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Close(); err != nil {
		t.Errorf("%d messages came back, then %v", n, err)
	}
	if _, err := traffic.OpenSocket(t.Context(), r.addr, "off.example", "/", time.Second); err == nil {
		t.Error("an upgrade passed though it is switched off")
	}
}

// TestConnectionsToAServiceAreUsedAgain: many requests, few connections.
func TestConnectionsToAServiceAreUsedAgain(t *testing.T) {
	r := newRig(t).start()
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	r.set(to("a.example", "/", netip.MustParseAddrPort(s.Listener.Addr().String())))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for range 200 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "a.example"
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(resp.Body); string(body) != "HTTP/1.1" {
			t.Fatalf("the service was asked in %q", body)
		}
		_ = resp.Body.Close()
	}
	if n := connections.Load(); n > 8 {
		t.Errorf("200 requests took %d connections", n)
	}
}

// TestAServerThatRefusesIsLeftOut: of two replicas one is gone; nobody notices.
func TestAServerThatRefusesIsLeftOut(t *testing.T) {
	r := newRig(t).start()
	r.set(to("a.example", "/", nobody(t), named(t, "here")))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			a := r.raw("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
			if a.body != "here" {
				t.Errorf("status %d", a.status)
			}
		})
	}
	wg.Wait()
}

// TestAServiceHasNoSayInOthersAnswers: an X-Accel-Redirect of a service is not
// followed.
func TestAServiceHasNoSayInOthersAnswers(t *testing.T) {
	r := newRig(t).start()
	sly := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Accel-Redirect", "/secret")
		_, _ = io.WriteString(w, "mine")
	}))
	r.set(to("a.example", "/", sly), to("a.example", "/secret", named(t, "secret")), plan.Location{Host: "b.example", Path: "/", Route: "b"})
	if a := r.get("a.example", "/"); a.body != "mine" {
		t.Errorf("got %q", a.body)
	}
}
