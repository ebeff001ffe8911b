package nginx

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/plan"
)

// occupy listens on an address of this machine and returns it.
func occupy(t *testing.T, addr string) string {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// onDisk checks that nginx would start with what it has confirmed.
func (r *rig) onDisk() {
	r.t.Helper()
	now, ok := pointed(r.Dir, current)
	last, ok2 := pointed(r.Dir, confirmed)
	if !ok || !ok2 || now.number != last.number || now.number != r.observe().Generation {
		r.t.Errorf("current is %d, confirmed %d, in force %d", now.number, last.number, r.observe().Generation)
	}
}

// edited switches to the generation in force with another configuration.
func (r *rig) edited(edit func(string) string) error {
	r.t.Helper()
	last := r.confirmed
	next := generation{number: r.nextNumber(last.number), table: last.table}
	conf, err := Render(r.settings(), next.table, next.number)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := save(r.Dir, &next, []byte(edit(string(conf)))); err != nil {
		r.t.Fatal(err)
	}
	if out, err := r.Process.Test(r.t.Context(), filepath.Join(r.Dir, genName(next.number), confFile)); err != nil {
		return refusal(firstProblem(out))
	}
	return r.switchTo(r.t.Context(), next, last, 4*time.Second)
}

// inHTTP puts a directive into the http block.
func inHTTP(directive string) func(string) string {
	return func(conf string) string { return strings.Replace(conf, "http {", "http {\n"+directive, 1) }
}

// TestWhatNginxDoesNotTakeIsFoundOut: these pass nginx's own test and its signal,
// and change nothing.
func TestWhatNginxDoesNotTakeIsFoundOut(t *testing.T) {
	r := newRig(t).start()
	r.set(to("a.example", "/", named(t, "a")))
	taken := occupy(t, "127.0.0.1:0")
	_, port, _ := strings.Cut(r.addr, ":")
	cache := func(path, levels string) string {
		return fmt.Sprintf("proxy_cache_path %s/tmp/%s levels=%s keys_zone=c:1m;", r.Dir, path, levels)
	}
	if err := r.edited(inHTTP("limit_req_zone $binary_remote_addr zone=z:1m rate=1r/s;" + cache("one", "1"))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ directive, says string }{
		"another's port":  {"server { listen " + taken + "; }", "bind() to " + taken + " failed (98: Address already in use)"},
		"a wider address": {"server { listen " + port + "; }", "bind() to 0.0.0.0:" + port + " failed"},
		"a zone's key":    {"limit_req_zone $host zone=z:1m rate=1r/s;", `uses the "$host" key while previously`},
		"a cache's path":  {cache("two", "1"), "cache path"},
		"a cache's shape": {cache("one", "1:2"), "previously different levels"},
	} {
		t.Run(name, func(t *testing.T) {
			before := r.observe()
			err := r.edited(inHTTP(c.directive))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want nginx's own %q", err, c.says)
			}
			if after := r.observe(); !after.Running || after.Generation != before.Generation {
				t.Errorf("in force is %d, was %d; running %v", after.Generation, before.Generation, after.Running)
			}
			if a := r.get("a.example", "/"); a.body != "a" {
				t.Errorf("status %d, body %q", a.status, a.body)
			}
			r.onDisk()
		})
	}
}

func TestWhatNginxRefusesIsNotSwitchedTo(t *testing.T) {
	r := newRig(t).start()
	r.set(to("a.example", "/", named(t, "a")))
	for name, c := range map[string]struct{ directive, says string }{
		"syntax":           {"server { listen }", `unexpected "}"`},
		"a directive":      {"lua_code on;", "unknown directive"},
		"a name":           {"upstream u { server nowhere.invalid; }", "host not found"},
		"a log's place":    {"access_log /nowhere/x.log;", "No such file or directory"},
		"an unclosed part": {"server {", "not allowed here"},
	} {
		err := r.edited(inHTTP(c.directive))
		var no refusal
		if !errors.As(err, &no) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
	r.onDisk()
}

// TestABadRouteIsNamedAndTheOthersGoOn: what this package refuses, and what only
// nginx can tell.
func TestABadRouteIsNamedAndTheOthersGoOn(t *testing.T) {
	r := newRig(t).start()
	one, two := named(t, "one"), named(t, "two")
	r.set(to("a.example", "/", one), to("b.example", "/", one))
	changed := with(to("b.example", "/", two), func(l *plan.Location) { l.Target.Options.Upstream.Keepalive = 1 << 40 })
	fresh := with(to("c.example", "/", two), func(l *plan.Location) { l.Target.Options.Upstream.Keepalive = 1 << 40 })
	unclean := to("c.example", "//x", two)
	twice := with(to("a.example", "/p/", two), func(l *plan.Location) { l.Route = "second" })
	next := table(to("a.example", "/", two), to("a.example", "/p", one), twice, changed, fresh, unclean, to("d.example", "/", two))
	err := r.SetRoutes(t.Context(), next)
	var no *apply.RejectedError
	if !errors.As(err, &no) || !no.Applied || len(no.Locations) != 4 {
		t.Fatalf("got %v", err)
	}
	for l, says := range map[string]string{
		changed.Hash(): "alloc", fresh.Hash(): "alloc", unclean.Hash(): "no request has it", twice.Hash(): "is taken by route r",
	} {
		if !strings.Contains(no.Locations[l], says) {
			t.Errorf("%q does not say %q", no.Locations[l], says)
		}
	}
	for host, want := range map[string]string{"a.example": "two", "b.example": "two", "d.example": "two"} {
		if a := r.get(host, "/"); a.body != want {
			t.Errorf("%s: status %d, body %q, want %s", host, a.status, a.body, want)
		}
	}
	if a := r.get("c.example", "/"); a.status != 404 {
		t.Errorf("the refused one: status %d", a.status)
	}
	r.onDisk()
	in := r.observe()
	if len(in.Rejected) != 4 {
		t.Errorf("remembered: %v", in.Rejected)
	}
	// What was refused is remembered though the next table does not have it.
	r.set(to("a.example", "/", one))
	if len(r.observe().Rejected) != 4 {
		t.Errorf("forgotten: %v", r.observe().Rejected)
	}
}

func TestEqualTablesAreNoReload(t *testing.T) {
	r := newRig(t).start()
	a := named(t, "a")
	r.set(to("a.example", "/", a))
	before, _ := workersOf(r.master())
	generation := r.observe().Generation
	r.set(to("a.example", "/", a))
	after, _ := workersOf(r.master())
	if r.observe().Generation != generation || fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("generation %d then %d, workers %v then %v", generation, r.observe().Generation, before, after)
	}
}

// TestAnEndBetweenAnyTwoSteps: havn ends after each step of a swap; the next one
// finds out what is in force, and nginx starts with it.
func TestAnEndBetweenAnyTwoSteps(t *testing.T) {
	for step, name := range []string{"saved", "pointed", "signalled", "confirmed"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t).start()
			a, b := named(t, "a"), named(t, "b")
			r.set(to("a.example", "/", a))
			next := generation{number: r.nextNumber(r.confirmed.number), table: table(to("a.example", "/", b))}
			conf, err := Render(r.settings(), next.table, next.number)
			if err != nil {
				t.Fatal(err)
			}
			steps := []func() error{
				func() error { return save(r.Dir, &next, conf) },
				func() error { return point(r.Dir, current, next.number) },
				func() error { return r.Process.Signal(t.Context(), syscall.SIGHUP) },
				func() error {
					return r.await(t.Context(), next, time.Now().Add(2*time.Minute))
				},
			}
			for _, do := range steps[:step+1] {
				if err := do(); err != nil {
					t.Fatal(err)
				}
			}
			r.restart()
			if !r.observe().Running {
				r.start()
			}
			if !r.observe().Running {
				t.Fatal("nginx is not known again")
			}
			r.onDisk()
			want := "a"
			if r.observe().Table.Servers()[b] {
				want = "b"
			}
			if name == "confirmed" && want != "b" || step < 2 && want != "a" {
				t.Errorf("taken for %s", want)
			}
			r.kill()
			eventually(t, "nginx is back", func() bool { return r.observe().Running })
			r.onDisk()
			if got := r.get("a.example", "/"); got.body != want {
				t.Errorf("status %d, body %q, want %s", got.status, got.body, want)
			}
		})
	}
}

func TestAConfigurationThatSomebodyChangedIsWrittenAnew(t *testing.T) {
	r := newRig(t).start()
	r.set(to("a.example", "/", named(t, "a")))
	path := filepath.Join(r.Dir, current, confFile)
	if err := os.WriteFile(path, []byte("nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r.observe().Running {
		t.Error("it was not noticed")
	}
	r.start()
	if conf, err := os.ReadFile(path); err != nil || !r.observe().Running || !strings.Contains(string(conf), "a.example") {
		t.Errorf("%v, running %v: %s", err, r.observe().Running, conf)
	}
	r.onDisk()
}
