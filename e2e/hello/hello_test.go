package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"havn.internal/e2e/traffic"
)

// env is an environment of these variables only.
func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestHealthFollowsTheBehaviour(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		vars map[string]string
		want map[time.Duration]bool
	}{
		{nil, map[time.Duration]bool{0: true, 9 * s: true}},
		{map[string]string{"READY": "2s"}, map[time.Duration]bool{0: false, 1 * s: false, 2 * s: true, 9 * s: true}},
		{map[string]string{"READY": "never"}, map[time.Duration]bool{0: false, 999 * s: false}},
		{map[string]string{"FLIP": "2s"}, map[time.Duration]bool{0: true, 2 * s: false, 3 * s: false, 4 * s: true}},
	} {
		b, err := behaviourFrom(env(c.vars))
		if err != nil {
			t.Fatal(err)
		}
		for age, want := range c.want {
			if got := b.healthy(age); got != want {
				t.Errorf("%v: healthy %t at %s, want %t", c.vars, got, age, want)
			}
		}
	}
}

func TestABadDurationIsRefused(t *testing.T) {
	if _, err := behaviourFrom(env(map[string]string{"DIE": "soon"})); err == nil {
		t.Error("DIE=soon is taken")
	}
}

// serve runs the server as the variables say, and returns its address.
func serve(t *testing.T, vars map[string]string) (string, *hello) {
	t.Helper()
	b, err := behaviourFrom(env(vars))
	if err != nil {
		t.Fatal(err)
	}
	h := newHello(b, time.Now())
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), h
}

func TestTheTrafficsClientsAreAnswered(t *testing.T) {
	addr, _ := serve(t, map[string]string{"VERSION": "7", "SERVICE": "web"})
	ctx := t.Context()
	if a, err := traffic.Get(ctx, addr, "web.test", "/slow?ms=5"); err != nil || a.Version != "7" || a.Service != "web" {
		t.Errorf("get: %+v, %v", a, err)
	}
	if a, err := traffic.Upload(ctx, addr, "web.test", "/", 100_000, 10, 50*time.Millisecond, nil); err != nil || a.Bytes != 100_000 {
		t.Errorf("upload: %+v, %v", a, err)
	}
	if n, err := traffic.Events(ctx, addr, "web.test", 5, time.Millisecond); err != nil || n != 5 {
		t.Errorf("events: %d, %v", n, err)
	}
	socket, err := traffic.OpenSocket(ctx, addr, "web.test", "/ws", time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := socket.Close(); err != nil {
		t.Errorf("socket: %v", err)
	}
}

// A stream that is cut, and a socket whose server goes, are noticed.
func TestACutIsNoticed(t *testing.T) {
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			_, _ = w.Write([]byte("data: 1 0\n\n"))
		}
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(cut.Close)
	addr := cut.Listener.Addr().String()
	if n, err := traffic.Events(t.Context(), addr, "web.test", 5, time.Millisecond); err == nil {
		t.Errorf("events: %d and no error", n)
	}
	if _, err := traffic.Upload(t.Context(), addr, "web.test", "/", 1000, 2, time.Millisecond, nil); err == nil {
		t.Error("upload: no error")
	}
}

func TestDeathFollowsTheFirstRoutedRequest(t *testing.T) {
	addr, h := serve(t, map[string]string{"DIE_ROUTED": "1ms"})
	response, err := http.Get("http://" + addr + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	select {
	case <-h.doomed:
		t.Fatal("a health check is no routed request")
	default:
	}
	if _, err := traffic.Get(t.Context(), addr, "web.test", "/"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-h.doomed:
	case <-time.After(time.Minute):
		t.Error("it lives on")
	}
}
