package main

import (
	"log/slog"
	"testing"
)

// Whatever a machine is called, its commands work without --name.
func TestEveryHostnameIsAName(t *testing.T) {
	for hostname, want := range map[string]string{
		"web1": "web1", "Web-1.Example.no": "web-1.example.no", "my_host": "my-host", "-x-": "x", "": "localhost", "_": "localhost", "bjørn": "bj-rn",
	} {
		if got := nameOf(hostname); got != want || !nameForm.MatchString(got) {
			t.Errorf("%q is %q, want %q", hostname, got, want)
		}
	}
}

func TestIdentityRefuses(t *testing.T) {
	for _, i := range []identity{
		{name: "Web1"}, {name: "web_1"}, {name: "web-*"}, {name: "a", labels: map[string]string{"A": "b"}},
		{name: "a", labels: map[string]string{"a": "x*"}}, {name: "a", labels: map[string]string{"a": "b,c"}},
	} {
		if err := i.complete(); err == nil {
			t.Errorf("%+v passes", i)
		}
	}
}

// A hostname that changes is no reason to run something else.
func TestNameOutlivesHostname(t *testing.T) {
	m := machine{state: t.TempDir(), self: identity{name: "web1"}}
	if err := m.remember(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ given, is string }{{"", "web1"}, {"web2", "web2"}} {
		again := machine{state: m.state, self: identity{name: c.given}}
		if err := again.self.complete(); err != nil {
			t.Fatal(err)
		}
		again.keepName(slog.New(slog.DiscardHandler))
		if again.self.name != c.is {
			t.Errorf("given %q it is %q, want %q", c.given, again.self.name, c.is)
		}
	}
}
