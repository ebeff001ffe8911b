package nginx

import (
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"testing"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A seen is what a service saw of a request.
type seen struct {
	Name   string
	Method string
	URI    string
	Host   string
	Header http.Header
	Body   int
}

// mirror is a service that answers with what it saw.
func mirror(t *testing.T, name string) netip.AddrPort {
	t.Helper()
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("X-Powered-By", "test")
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(seen{name, r.Method, r.RequestURI, r.Host, r.Header, len(body)})
	}))
}

func (a answer) seen(t *testing.T) seen {
	t.Helper()
	var s seen
	if err := json.Unmarshal([]byte(a.body), &s); err != nil {
		t.Fatalf("status %d, body %q: %v", a.status, a.body, err)
	}
	return s
}

func with(l plan.Location, change func(*plan.Location)) plan.Location {
	change(&l)
	return l
}

func strip(l *plan.Location) { l.Target.Strip = true }

func exact(l *plan.Location) { l.Exact = true }

func rewrite(to string) func(*plan.Location) {
	return func(l *plan.Location) { l.Target.Rewrite = to }
}

func redirect(to string, code int, keep bool) func(*plan.Location) {
	return func(l *plan.Location) {
		l.Servers, l.Target.Service = nil, ""
		l.Target.Redirect = &spec.Redirect{To: to, Code: code, Keep: keep}
	}
}

// whereTo says which service a request goes to, and what that sees.
var whereTo = []struct{ host, path, service, uri string }{
	{"a.example", "/", "root", "/"},
	{"a.example", "/api", "exact", "/api"},
	{"a.example", "/api/", "api", "/api/"},
	{"a.example", "/api/x?y=1&z=%20", "api", "/api/x?y=1&z=%20"},
	{"a.example", "/apix", "root", "/apix"},
	{"a.example", "/api/v2", "v2", "/api/v2"},
	{"a.example", "/api/v2/x", "v2", "/api/v2/x"},
	{"a.example", "/api/v21", "api", "/api/v21"},
	{"a.example", "/healthz", "health", "/healthz"},
	{"a.example", "/healthz/", "root", "/healthz/"},
	{"a.example", "/dir/x", "dir", "/dir/x"},
	{"a.example", "/caf%C3%A9/x", "café", "/caf%C3%A9/x"},
	{"a.example", "/caf%c3%a9", "café", "/caf%c3%a9"},
	{"a.example", "/strip", "strip", "/"},
	{"a.example", "/strip?q=1", "strip", "/?q=1"},
	{"a.example", "/strip/", "strip", "/"},
	{"a.example", "/strip/a/b?q", "strip", "/a/b?q"},
	{"a.example", "/strip//a", "strip", "/a"},
	{"a.example", "/strip/a%2Fb%20c", "strip", "/a/b%20c"},
	{"a.example", "/strip/%2e%2e/api/x", "api", "/strip/%2e%2e/api/x"},
	{"a.example", "/re/x", "re", "/new/base/x"},
	{"a.example", "/re", "re", "/new/base"},
	{"a.example", "/one?q=1", "one", "/other?q=1"},
	// What is not rewritten comes through byte for byte, whatever it was
	// compared as.
	{"a.example", "//api//x", "api", "//api//x"},
	{"a.example", "/x/..%2fapi/x", "api", "/x/..%2fapi/x"},
	{"a.example", "/api/a%2Fb", "api", "/api/a%2Fb"},
	{"A.EXAMPLE", "/api/x", "api", "/api/x"},
	{"a.example:8080", "/api/x", "api", "/api/x"},
	{"a.example.", "/api/x", "api", "/api/x"},
	{"y.wild.example", "/", "wild", "/"},
	{"z.y.wild.example", "/", "wild", "/"},
	{"x.wild.example", "/", "x", "/"},
	{"wild.example", "/", "default", "/"},
	{"unknown.example", "/q", "default", "/q"},
	{"127.0.0.1:80", "/", "default", "/"},
	{"bare.example", "/only/x", "bare", "/only/x"},
}

func TestWhichServiceARequestGoesTo(t *testing.T) {
	r := newRig(t).start()
	s := func(name string) netip.AddrPort { return mirror(t, name) }
	r.set(
		to("a.example", "/", s("root")), to("a.example", "/api", s("api")), to("a.example", "/api/v2", s("v2")),
		with(to("a.example", "/healthz", s("health")), exact), with(to("a.example", "/api", s("exact")), exact),
		to("a.example", "/dir/", s("dir")), to("a.example", "/caf%C3%A9", s("café")),
		with(to("a.example", "/strip", s("strip")), strip), with(to("a.example", "/re", s("re")), rewrite("/new/base")),
		with(to("a.example", "/one", s("one")), func(l *plan.Location) { exact(l); rewrite("/other")(l) }),
		to("*.wild.example", "/", s("wild")), to("x.wild.example", "/", s("x")), to("bare.example", "/only", s("bare")),
		to("_", "/", s("default")),
	)
	for _, c := range whereTo {
		a := r.get(c.host, c.path)
		if a.status != http.StatusOK {
			t.Errorf("%s%s: status %d, want %s", c.host, c.path, a.status, c.service)
			continue
		}
		if s := a.seen(t); s.Name != c.service || s.URI != c.uri {
			t.Errorf("%s%s: %s saw %s, want %s and %s", c.host, c.path, s.Name, s.URI, c.service, c.uri)
		}
	}
	// nginx sends to a directory who leaves out its slash.
	if a := r.get("a.example", "/dir?q"); a.status != http.StatusMovedPermanently || a.header.Get("Location") != "/dir/?q" {
		t.Errorf("/dir: %d to %q", a.status, a.header.Get("Location"))
	}
	for host, path := range map[string]string{"bare.example": "/", "BARE.example": "/onlyx"} {
		if a := r.get(host, path); a.status != http.StatusNotFound {
			t.Errorf("%s%s: status %d, want 404", host, path, a.status)
		}
	}
}

func TestAHostThatNobodyHasIsNotFound(t *testing.T) {
	r := newRig(t).start()
	r.set(to("a.example", "/", mirror(t, "a")))
	for _, host := range []string{"b.example", "b.a.example", generationHost + ".x"} {
		if a := r.get(host, "/"); a.status != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", host, a.status)
		}
	}
	if a := r.get(generationHost, "/other"); a.status != http.StatusNotFound {
		t.Errorf("havn's own host answers /other with %d", a.status)
	}
}

func TestNobodyToAnswer(t *testing.T) {
	r := newRig(t).start()
	r.set(to("a.example", "/"), to("a.example", "/b", nobody(t)))
	a := r.get("a.example", "/x")
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "1" {
		t.Errorf("no servers: status %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
	if a := r.get("a.example", "/b"); a.status != http.StatusBadGateway {
		t.Errorf("a server that refuses: status %d", a.status)
	}
}

// A client that was told 503 asks the workers of today again, and not, on the
// connection it has, an old one that knows of nobody.
func TestNobodyToAnswerIsNoNewsForTheNextRequest(t *testing.T) {
	r := newRig(t).start()
	ask := func() int {
		resp, err := http.Get("http://" + r.addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode
	}
	r.set(to("_", "/"))
	if got := ask(); got != http.StatusServiceUnavailable {
		t.Fatalf("got %d, want 503", got)
	}
	r.set(to("_", "/", named(t, "app")))
	if got := ask(); got != http.StatusOK {
		t.Errorf("got %d after the switch, want 200", got)
	}
}

func TestRedirects(t *testing.T) {
	r := newRig(t).start()
	r.set(
		with(to("a.example", "/old"), redirect("/new", 308, true)),
		with(to("a.example", "/v1.x"), redirect("https://b.example/v2/", 301, true)),
		with(to("a.example", "/fixed"), redirect("https://b.example/there?q=1#x", 302, false)),
		with(to("a.example", "/exact"), func(l *plan.Location) { exact(l); redirect("/", 307, false)(l) }),
		with(to("a.example", "/bare"), redirect("https://b.example", 308, true)),
		with(to("a.example", "/home"), redirect("/", 302, true)),
		with(to("all.example", "/"), redirect("https://all.example", 303, true)),
	)
	for _, c := range []struct {
		host, path string
		status     int
		to         string
	}{
		{"a.example", "/old", 308, "/new"},
		{"a.example", "/old/", 308, "/new/"},
		{"a.example", "/old/x%2Fy?q=%20&r", 308, "/new/x%2Fy?q=%20&r"},
		{"a.example", "/old?q", 308, "/new?q"},
		{"a.example", "/v1.x/y", 301, "https://b.example/v2/y"},
		{"a.example", "/fixed/x?y", 302, "https://b.example/there?q=1#x"},
		{"a.example", "/exact", 307, "/"},
		{"all.example", "/x/y?z", 303, "https://all.example/x/y?z"},
		{"all.example", "/", 303, "https://all.example/"},
		// What would be a line break or another host is not decoded on the way.
		{"a.example", "/old/%0d%0aSet-Cookie:%20x=1", 308, "/new/%0d%0aSet-Cookie:%20x=1"},
		{"a.example", "/old//evil.example", 308, "/new//evil.example"},
		{"all.example", "/%5c%5cevil.example", 303, "https://all.example/%5c%5cevil.example"},
		// What follows can't become part of the host's name, nor a host itself.
		{"a.example", "/v1.x%2F@evil.example", 301, "https://b.example/v2/"},
		{"a.example", "/bare%2F@evil.example", 308, "https://b.example"},
		{"a.example", "/bare?@evil.example", 308, "https://b.example?@evil.example"},
		{"a.example", "/home", 302, "/"},
		{"a.example", "/home/x?q", 302, "/x?q"},
		{"a.example", "/home?q", 302, "/?q"},
		{"a.example", "/home//evil.example", 302, "/"},
		{"a.example", "/home/\\evil.example", 302, "/"},
		// The prefix in another spelling: the target alone.
		{"a.example", "/%6fld/x", 308, "/new"},
	} {
		a := r.get(c.host, c.path)
		if got := a.header.Get("Location"); a.status != c.status || got != c.to {
			t.Errorf("%s%s: %d to %q, want %d to %q", c.host, c.path, a.status, got, c.status, c.to)
		}
		if a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s%s: a header of the request's making: %v", c.host, c.path, a.header)
		}
	}
	if a := r.get("a.example", "/oldx"); a.status != http.StatusNotFound {
		t.Errorf("/oldx: status %d, want 404", a.status)
	}
}
