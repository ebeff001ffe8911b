package traffic_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"havn.internal/e2e/traffic"
)

// echo answers like the test server.
func echo(service, version string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		sum := sha256.Sum256(body)
		_ = json.NewEncoder(w).Encode(traffic.Answer{
			Service: service, Version: version, Method: r.Method, Bytes: int64(len(body)), SHA256: hex.EncodeToString(sum[:]),
		})
	})
}

// serve runs a handler and returns its address.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// send keeps up a load until it has sent so many, and returns the outcome.
func send(t *testing.T, l traffic.Load, n int) traffic.Report {
	t.Helper()
	l.Rate, l.Path = 400, "/"
	s := l.Start()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.Report().Sent < n && time.Now().Before(deadline) {
		<-tick.C
	}
	return s.Stop()
}

func TestNothingIsLostByAServerThatLosesNothing(t *testing.T) {
	addr := serve(t, echo("web", "1"))
	r := send(t, traffic.Load{Addr: addr, Service: "web", Versions: []string{"1"}}, 300)
	if len(r.Lost) != 0 || r.Versions["1"] != r.Sent {
		t.Errorf("got %s", r)
	}
}

func TestOneDroppedRequestIsNoticed(t *testing.T) {
	for name, drop := range map[string]func(net.Conn){
		"closed": func(c net.Conn) { _ = c.Close() },
		"reset": func(c net.Conn) {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		},
		"half answered": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
			_ = c.Close()
		},
		"refused": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			_ = c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var seen atomic.Int64
			good := echo("web", "1")
			addr := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if seen.Add(1) != 150 {
					good.ServeHTTP(w, r)
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				c, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				drop(c)
			}))
			if r := send(t, traffic.Load{Addr: addr}, 300); len(r.Lost) != 1 {
				t.Errorf("one request was dropped; got %s", r)
			}
		})
	}
}

func TestAnIdleConnectionThatTheServerClosedIsNotUsed(t *testing.T) {
	s := httptest.NewUnstartedServer(echo("web", "1"))
	closed := make(chan struct{}, 1)
	s.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state != http.StateIdle {
			return
		}
		select {
		case closed <- struct{}{}: // one connection is ended, and its peer hears of it in time
			_ = c.Close()
		default:
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	l := traffic.Load{Addr: s.Listener.Addr().String(), Rate: 10, Path: "/"}
	stream := l.Start()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for stream.Report().Sent < 6 {
		<-tick.C
	}
	if r := stream.Stop(); len(r.Lost) != 0 {
		t.Errorf("got %s", r)
	}
}

func TestAnAnswerFromElsewhereIsNoticed(t *testing.T) {
	addr := serve(t, echo("other", "3"))
	for want, l := range map[string]traffic.Load{
		"service": {Addr: addr, Service: "web"},
		"version": {Addr: addr, Service: "other", Versions: []string{"1", "2"}},
	} {
		r := send(t, l, 10)
		if len(r.Lost) != r.Sent || !strings.Contains(r.String(), "misrouted: answered by "+want) {
			t.Errorf("%s: got %s", want, r)
		}
	}
}

func TestAnAlteredBodyIsNoticed(t *testing.T) {
	good := echo("web", "1")
	addr := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = io.NopCloser(io.MultiReader(r.Body, strings.NewReader("!")))
		good.ServeHTTP(w, r)
	}))
	if r := send(t, traffic.Load{Addr: addr}, 10); len(r.Lost) != r.Sent {
		t.Errorf("got %s", r)
	}
}

func TestALoadStaysConstantWhenAnswersAreSlow(t *testing.T) {
	good := echo("web", "1")
	release := make(chan struct{})
	var waiting atomic.Int64
	addr := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		waiting.Add(1)
		<-release
		good.ServeHTTP(w, r)
	}))
	l := traffic.Load{Addr: addr, Rate: 200, Path: "/"}
	s := l.Start()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for waiting.Load() < 20 && time.Now().Before(deadline) {
		<-tick.C
	}
	close(release)
	if r := s.Stop(); r.Sent < 20 || len(r.Lost) != 0 {
		t.Errorf("want 20 requests under way at once; got %s", r)
	}
}
