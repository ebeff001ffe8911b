package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/spf13/pflag"
)

// Whatever a flag of run says, a host file can say.
func TestEveryFlagIsAField(t *testing.T) {
	fields := slices.Collect(maps.Values(hostFields))
	newRun().Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "host" && f.Name != "help" && !slices.Contains(fields, f.Name) {
			t.Errorf("--%s has no field in a host file", f.Name)
		}
	})
}

func TestHostFileFillsInFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "host.cue")
	text := `state: "/srv/havn"
http: ":8080"
allowBind: ["/etc", "/usr"]
accessLog: true
source: git: {url: "file:///srv/site.git", tag: "v1", interval: "5s", trust: policy: "none"}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(given ...string) (*machine, *sourceFlags) {
		m, s := &machine{}, &sourceFlags{}
		set := pflag.NewFlagSet("run", pflag.ContinueOnError)
		s.flags(set)
		m.flags(set)
		if err := set.Parse(append(given, "--host", file)); err != nil {
			t.Fatal(err)
		}
		if err := m.complete(); err != nil {
			t.Fatal(err)
		}
		return m, s
	}
	m, s := read()
	if m.state != "/srv/havn" || m.site != "havn" || m.http != ":8080" || !m.accessLog || !slices.Equal(m.allowBind, []string{"/etc", "/usr"}) {
		t.Errorf("got %+v", m)
	}
	if s.remote.URL != "file:///srv/site.git" || s.ref.Tag != "v1" || s.interval.Seconds() != 5 {
		t.Errorf("got %+v", s)
	}
	m, s = read("--http", ":81", "--spec", "/srv/site")
	if m.http != ":81" || s.dir != "/srv/site" || s.remote.URL != "" || s.ref.Tag != "" {
		t.Errorf("what is given does not win: %+v %+v", m, s)
	}
}

// What is flattened is what a person would write on the command line.
func TestFlat(t *testing.T) {
	var values map[string]any
	if err := json.Unmarshal([]byte(`{"labels":{"role":"web","dc":"osl"},"source":{"git":{"url":"u"}},"debug":true}`), &values); err != nil {
		t.Fatal(err)
	}
	got := flat("", values)
	if len(got) != 3 || got["source.git.url"] != "u" || !slices.Equal(texts(got["labels"]), []string{"dc=osl", "role=web"}) || texts(got["debug"])[0] != "true" {
		t.Errorf("got %v", got)
	}
}
