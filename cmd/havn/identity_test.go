package main

import "testing"

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
