package nginx

import (
	"net/http"
	"strings"
	"testing"

	"havn.internal/spec"
)

func TestForwardedHeaders(t *testing.T) {
	r := newRig(t).start()
	opts := to("set.example", "/", mirror(t, "set"))
	opts.Target.Options.Headers = spec.Headers{
		Request:  map[string]string{"X-Team": `harbour "north"; {x} \ end`, "Accept-Language": "", "x-forwarded-for": "9.9.9.9", "Host": "inner.example"},
		Response: map[string]string{"X-Powered-By": "", "Content-Type": "text/x-test", "X-Frame-Options": "DENY"},
	}
	r.set(to("a.example", "/", mirror(t, "a")), opts)
	lies := []string{
		"X-Forwarded-For: 1.2.3.4", "X-Real-IP: 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example", "X-Request-ID: mine",
		"Forwarded: for=1.2.3.4", "X-Forwarded-Port: 443", "X-Forwarded-Prefix: /evil", "X-Original-URL: /admin", "Proxy: evil.example",
		"X_Forwarded_For: 1.2.3.4", "Accept-Language: nb", "X-Mine: kept", "X-Powered-By: kept",
	}
	for _, name := range believed {
		lies = append(lies, name+": a lie")
	}
	h := r.get("a.example:81", "/", lies...).seen(t)
	for name, want := range map[string]string{
		"X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "a.example:81",
		"Forwarded": "", "X-Forwarded-Port": "", "X-Forwarded-Prefix": "", "X-Original-Url": "", "Proxy": "",
		"X_Forwarded_For": "", "Accept-Language": "nb", "X-Mine": "kept", "Connection": "", "Upgrade": "",
	} {
		if got := strings.Join(h.Header[name], "|"); got != want {
			t.Errorf("%s: the service saw %q, want %q", name, got, want)
		}
	}
	for name, values := range h.Header {
		if strings.Contains(strings.Join(values, " "), "a lie") {
			t.Errorf("%s: the service saw %q", name, values)
		}
	}
	if id := h.Header.Get("X-Request-Id"); id != "" {
		t.Errorf("request id %q though none was asked for", id)
	}
	if h.Host != "a.example:81" {
		t.Errorf("host %q", h.Host)
	}
	a := r.get("set.example", "/", lies...)
	h = a.seen(t)
	if h.Header.Get("X-Team") != `harbour "north"; {x} \ end` || h.Header.Get("Accept-Language") != "" || h.Header.Get("X-Forwarded-For") != "9.9.9.9" || h.Host != "inner.example" {
		t.Errorf("set on the way in: host %q, %v", h.Host, h.Header)
	}
	if a.header.Get("X-Powered-By") != "" || a.header.Get("X-Frame-Options") != "DENY" || strings.Join(a.header["Content-Type"], "|") != "text/x-test" {
		t.Errorf("set on the way out: %v", a.header)
	}
}

// TestTheHostThatServicesSee is what the client sent; but the host in the request line
// goes before the one in the header, and who names none is told this machine's address.
func TestTheHostThatServicesSee(t *testing.T) {
	r := newRig(t).start()
	all := mirror(t, "all")
	r.set(to("a.example", "/", all), to("b.example", "/", all), to("*.wild.example", "/", all), to("_", "/", all))
	for request, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: a.example":                            "a.example",
		"GET / HTTP/1.1\r\nHost: a.example:18100":                      "a.example:18100",
		"GET / HTTP/1.1\r\nHost: A.Example:81":                         "A.Example:81",
		"GET / HTTP/1.1\r\nHost: a.example.":                           "a.example",
		"GET / HTTP/1.1\r\nHost: X.wild.example:1":                     "X.wild.example:1",
		"GET / HTTP/1.1\r\nHost: 127.0.0.1:7":                          "127.0.0.1:7",
		"GET / HTTP/1.1\r\nHost: [::1]:7":                              "[::1]:7",
		"GET http://b.example/ HTTP/1.1\r\nHost: a.example":            "b.example",
		"GET http://b.example:7/ HTTP/1.1\r\nHost: b.example:7":        "b.example:7",
		"GET http://b.example/ HTTP/1.1\r\nHost: b.example.evil":       "b.example",
		"GET http://unknown.example/ HTTP/1.1\r\nHost: a.example":      "unknown.example",
		"GET http://b.example/ HTTP/1.0":                               "b.example",
		"GET / HTTP/1.0":                                               strings.TrimSuffix(r.addr, ":18100"),
		"GET / HTTP/1.0\r\nX-Forwarded-Host: evil.example":             strings.TrimSuffix(r.addr, ":18100"),
		"GET http://a.example/ HTTP/1.1\r\nHost: a.example evil.other": "",
	} {
		a := r.raw(request + "\r\nConnection: close\r\n\r\n")
		if want == "" {
			if a.status != http.StatusBadRequest {
				t.Errorf("%q: status %d, want 400", request, a.status)
			}
			continue
		}
		if s := a.seen(t); s.Host != want || s.Header.Get("X-Forwarded-Host") != want {
			t.Errorf("%q: the service saw host %q and X-Forwarded-Host %q, want %q", request, s.Host, s.Header.Get("X-Forwarded-Host"), want)
		}
	}
}

// TestOnlyWebSocketIsPassedOn: a service that would switch to anything else is not asked.
func TestOnlyWebSocketIsPassedOn(t *testing.T) {
	r := newRig(t).start()
	off := to("off.example", "/", mirror(t, "a"))
	off.Target.Options.WebSocket = false
	r.set(to("a.example", "/", mirror(t, "a")), off)
	for _, c := range []struct{ host, upgrade, want string }{
		{"a.example", "websocket", "websocket"},
		{"a.example", "WebSocket", "websocket"},
		{"a.example", "h2c", ""},
		{"a.example", "TLS/1.2", ""},
		{"a.example", "websocket, h2c", ""},
		{"a.example", "h2c, websocket", ""},
		{"a.example", "0", ""},
		{"a.example", "websockets", ""},
		{"off.example", "websocket", ""},
	} {
		s := r.get(c.host, "/", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__", "Upgrade: "+c.upgrade).seen(t)
		connection := ""
		if c.want != "" {
			connection = "upgrade"
		}
		if got := s.Header.Get("Upgrade"); got != c.want || s.Header.Get("Connection") != connection || s.Header.Get("Http2-Settings") != "" {
			t.Errorf("Upgrade: %s at %s: the service saw %v", c.upgrade, c.host, s.Header)
		}
	}
}

func TestAnIDWhereOneIsAskedFor(t *testing.T) {
	r := newRig(t).start()
	l := to("a.example", "/", mirror(t, "a"))
	l.Target.Options.RequestID = true
	r.set(l)
	seen := map[string]bool{}
	for range 10 {
		id := r.get("a.example", "/", "X-Request-ID: mine").seen(t).Header.Get("X-Request-Id")
		if len(id) != 32 || seen[id] {
			t.Errorf("request id %q", id)
		}
		seen[id] = true
	}
}

// TestLargeHeaders: what the README says a client may send, and a service answer.
func TestLargeHeaders(t *testing.T) {
	r := newRig(t).start()
	answer := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Large", r.Header.Get("X-Large"))
	}))
	buffered, streamed := to("a.example", "/", answer), to("b.example", "/", answer)
	streamed.Target.Options.Buffering = false
	r.set(buffered, streamed)
	for _, host := range []string{"a.example", "b.example"} {
		for _, n := range []int{17 << 10, 31 << 10} {
			large := strings.Repeat("x", n)
			if a := r.get(host, "/", "X-Large: "+large); a.status != http.StatusOK || a.header.Get("X-Large") != large {
				t.Errorf("%s, %d bytes each way: status %d, %d bytes back", host, n, a.status, len(a.header.Get("X-Large")))
			}
		}
		if a := r.get(host, "/?"+strings.Repeat("x", 31<<10)); a.status != http.StatusOK {
			t.Errorf("%s, a long request line: status %d", host, a.status)
		}
		if a := r.get(host, "/", "X-Large: "+strings.Repeat("x", 33<<10)); a.status != http.StatusBadRequest {
			t.Errorf("%s, more than is taken: status %d, want 400", host, a.status)
		}
	}
}
