package nginx

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"havn.internal/spec"
)

// TestOthersReadNothing: the values of headers and what was asked for are for root, and
// nginx still serves, with bodies that its workers write to files.
func TestOthersReadNothing(t *testing.T) {
	r := newRig(t, func(c *Config) { c.AccessLog = true }).start()
	l := to("a.example", "/", mirror(t, "a"))
	l.Target.Options.Headers.Request = map[string]string{"Authorization": "hunter2"}
	l.Target.Options.Body = spec.Body{Max: 1 << 20, Buffer: 1 << 10, Buffering: true}
	r.set(l)
	a := r.raw("POST / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100000))
	if s := a.seen(t); s.Body != 100000 {
		t.Errorf("the body has %d bytes", s.Body)
	}
	r.kill()
	eventually(t, "nginx is back", func() bool { return r.observe().Running })
	err := filepath.WalkDir(r.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode()&0o006 != 0 && filepath.Base(path) != "nginx.pid" {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLinksOutOfTheDirectory: whoever is root of nginx's container writes to nginx's
// directory. What havn writes, empties or reads there is not elsewhere.
func TestLinksOutOfTheDirectory(t *testing.T) {
	g := gatewayOf(t, standIn{})
	outside := t.TempDir()
	large := filepath.Join(outside, "large")
	if err := os.WriteFile(large, []byte(strings.Repeat("2026/01/01 00:00:00 [emerg] 1#1: secret\n", maxLog/30)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{errorFile, accessFile} {
		link(t, large, filepath.Join(g.Dir, name))
	}
	link(t, outside, filepath.Join(g.Dir, "gen-1"))
	link(t, filepath.Join(outside, "made"), filepath.Join(g.Dir, ".current.new"))
	g.boundLogs()
	if i, err := os.Stat(large); err != nil || i.Size() <= maxLog {
		t.Errorf("a file outside was emptied: %v", err)
	}
	if said := g.logSince(0); len(said) != 0 {
		t.Errorf("a file outside was read: %d lines", len(said))
	}
	if err := save(g.Dir, &generation{number: 1}, []byte("conf")); err != nil {
		t.Error(err)
	}
	if err := point(g.Dir, current, 1); err != nil {
		t.Error(err)
	}
	if at, ok := pointed(g.Dir, current); !ok || at.number != 1 {
		t.Errorf("generation %d, %v", at.number, ok)
	}
	names, err := filepath.Glob(filepath.Join(outside, "*"))
	if err != nil || len(names) != 1 {
		t.Errorf("outside there are %q, %v", names, err)
	}
}

func link(t *testing.T, to, at string) {
	t.Helper()
	if err := os.RemoveAll(at); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}

// TestMarks: a generation is known by more than its number, and its mark is no hash of
// the table that could be tried.
func TestMarks(t *testing.T) {
	one, two := gatewayOf(t, standIn{}), gatewayOf(t, standIn{})
	l := table(to("a.example", "/"))
	if markOf(one.key, l, 1) == markOf(two.key, l, 1) || markOf(one.key, l, 1) == markOf(one.key, table(), 1) {
		t.Error("two generations have one mark")
	}
	again, err := New(one.Config)
	if err != nil || markOf(again.key, l, 1) != markOf(one.key, l, 1) {
		t.Errorf("another havn has another key: %v", err)
	}
}

// TestNginxAsksForNoMoreFilesThanItGets: it would be refused at each reload.
func TestNginxAsksForNoMoreFilesThanItGets(t *testing.T) {
	r := newRig(t).start()
	r.set(to("a.example", "/", named(t, "a")))
	if got, want := r.settings().OpenFiles, openFiles(r.master()); got != want || want == 0 {
		t.Errorf("it is written for %d files, and nginx may open %d", got, want)
	}
	if said := r.logSince(0); len(said) != 0 {
		t.Errorf("nginx says %q", said)
	}
}
