package nginx

import (
	"testing"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// TestOptionsOfNginxsOwnAnswers: the limit of a body and the headers of answers hold for
// a redirect, and for the 503 of a service without a ready replica, as for the service.
func TestOptionsOfNginxsOwnAnswers(t *testing.T) {
	r := newRig(t).start()
	options := func(l *plan.Location) {
		l.Target.Options.Body.Max = 8 << 20
		l.Target.Options.Headers.Response = map[string]string{"X-Own": "1", "retry-after": "9", "X-Powered-By": ""}
	}
	moved := func(l *plan.Location) {
		l.Target.Service, l.Servers, l.Target.Redirect = "", nil, &spec.Redirect{To: "/new", Code: 308}
	}
	down := func(l *plan.Location) { l.Servers = nil }
	here := func(path string) plan.Location { return to("own.example", path, mirror(t, "a")) }
	r.set(
		with(here("/service"), options), with(with(here("/moved"), options), moved), with(with(here("/down"), options), down),
		with(here("/small"), moved), with(here("/short"), down),
	)
	post := func(path, length string) answer {
		return r.raw("POST " + path + " HTTP/1.1\r\nHost: own.example\r\nConnection: close\r\nContent-Length: " + length + "\r\n\r\n")
	}
	for path, want := range map[string]int{"/moved": 308, "/down": 503} {
		a := r.get("own.example", path)
		if a.status != want || a.header.Get("X-Own") != "1" || len(a.header.Values("Retry-After")) != 1 || a.header.Get("Retry-After") != "9" {
			t.Errorf("%s: %d, %v", path, a.status, a.header)
		}
		if a := post(path, "5000000"); a.status != want {
			t.Errorf("%s answers a body within its limit with %d", path, a.status)
		}
		if a := post(path, "9000000"); a.status != 413 {
			t.Errorf("%s answers a body beyond its limit with %d", path, a.status)
		}
	}
	if a := r.get("own.example", "/service"); a.status != 200 || a.header.Get("X-Own") != "1" || a.header.Get("X-Powered-By") != "" {
		t.Errorf("/service: %d, %v", a.status, a.header)
	}
	if a := r.get("own.example", "/short"); a.header.Get("Retry-After") != "1" {
		t.Errorf("/short: %v", a.header)
	}
}
