package nginx

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/plan"
)

// A standIn is an nginx that does nothing but what the test says.
type standIn struct {
	Process
	test    func() (string, error)
	version string
}

func (s standIn) Test(context.Context, string) (string, error) { return s.test() }
func (s standIn) Version(context.Context) (string, error)      { return s.version, nil }
func (s standIn) Outdated(context.Context) (string, error)     { return "", nil }

func gatewayOf(t *testing.T, p Process) *Gateway {
	t.Helper()
	g, err := New(Config{Dir: t.TempDir(), HTTP: "127.0.0.1:18660", Process: p, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// However often a switch fails, no more generations lie about than are kept, and the
// one nginx would start with is among them.
func TestFailedGenerationsDoNotPileUp(t *testing.T) {
	g := gatewayOf(t, standIn{test: func() (string, error) { return "", errors.New("no space left on device") }})
	last := generation{number: 1}
	if err := errors.Join(save(g.Dir, &last, nil), point(g.Dir, current, 1), point(g.Dir, confirmed, 1)); err != nil {
		t.Fatal(err)
	}
	g.take(last)
	for range 3 * keepGenerations {
		if err := g.SetRoutes(t.Context(), table(to("a.example", "/"))); err == nil {
			t.Fatal("no error though nginx -t can't run")
		}
	}
	if n := len(numbers(g.Dir)); n > keepGenerations+1 {
		t.Errorf("%d generations are on disk, want at most %d and the one in force", n, keepGenerations)
	}
	if at, ok := pointed(g.Dir, current); !ok || at.number != 1 {
		t.Errorf("nginx would start with %v, %v; want generation 1", at.number, ok)
	}
}

// What nginx says after its log was emptied is not lost.
func TestProblemsAfterTheLogWasEmptied(t *testing.T) {
	g := gatewayOf(t, standIn{})
	write := func(text string) {
		if err := os.WriteFile(g.logPath(), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Repeat("2026/01/01 00:00:00 [notice] 1#1: old\n", 100))
	mark := g.logEnd()
	write("2026/01/01 00:00:00 [emerg] 1#1: bind() to 0.0.0.0:80 failed\n")
	if got := g.logSince(mark); len(got) != 1 || !strings.HasPrefix(got[0], "bind()") {
		t.Errorf("it says %q, want what was written last", got)
	}
}

func TestVersion(t *testing.T) {
	for said, want := range map[string]string{
		"nginx version: nginx/1.30.4\n":          "1.30.4",
		"nginx version: nginx/1.22.1 (Debian)\n": "1.22.1",
		"nginx version: nginx/":                  "",
		"":                                       "",
	} {
		g := gatewayOf(t, standIn{version: said})
		if err := g.learn(t.Context(), 0); g.Version() != want || (err == nil) != (want != "") {
			t.Errorf("of %q: version %q, error %v; want %q", said, g.Version(), err, want)
		}
	}
}

// A listener is written in one form, and nothing else is.
func TestFormOfTheListener(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:080": "127.0.0.1:80", "127.0.0.1:80": "127.0.0.1:80", "[::1]:80": "[::1]:80", "0.0.0.0:80": "80",
		"127.0.0.1:+80": "", "127.0.0.1:0": "", "127.0.0.1:65536": "", "[fe80::1%a;b]:80": "", "example.no:80": "", "80": "",
	} {
		l, err := parseListener(addr)
		if got := strings.Join(l.directives, " "); got != want || (err == nil) != (want != "") {
			t.Errorf("of %s: %q, error %v; want %q", addr, got, err, want)
		}
	}
}

// The same refusals are the same words each time.
func TestRefusalsAreToldInOneOrder(t *testing.T) {
	refused := map[string]string{}
	for _, l := range []plan.Location{to("a", "/"), to("b", "/"), to("c", "/"), to("d", "/")} {
		refused[l.Hash()] = "no such thing as " + l.Host
	}
	first := (&apply.RejectedError{Locations: refused}).Error()
	for range 100 {
		if again := (&apply.RejectedError{Locations: refused}).Error(); again != first {
			t.Fatalf("%q, then %q", first, again)
		}
	}
}
