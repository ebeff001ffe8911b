package main

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"havn.internal/gitops/hold"
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

// Every field that stands for a flag stands for one that there is.
func TestEveryFieldIsAFlag(t *testing.T) {
	for path, name := range hostFields {
		if newRun().Flags().Lookup(name) == nil {
			t.Errorf("%s stands for --%s, which is not there", path, name)
		}
	}
}

func TestHostFileFillsInFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "host.cue")
	text := `state: "/srv/havn"
http: ":8080"
allowBind: ["/etc", "/usr"]
accessLog: true
source: git: {url: "file:///srv/site.git", tag: "v1", interval: "5s", trust: policy: "none"}
labels: {role: "web", zone: "a"}
notify: {
	ops: {kind: "slack", addressFile: "/etc/havn/slack", least: "warning", template: "{{.Title}}, \"now\""}
	all: {kind: "webhook", addressFile: "/etc/havn/hook", secretFile: "/etc/havn/secret", services: ["web", "api"]}
}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(given ...string) (*machine, *sourceFlags) {
		m, s, tell := &machine{}, &sourceFlags{}, &tellFlags{}
		set := pflag.NewFlagSet("run", pflag.ContinueOnError)
		s.flags(set)
		tell.flags(set)
		m.flags(set)
		if err := set.Parse(append(given, "--host", file)); err != nil {
			t.Fatal(err)
		}
		if err := m.complete(); err != nil {
			t.Fatal(err)
		}
		if n := tell.notify; len(n) != 2 || n[0].Name != "all" || !slices.Equal(n[0].Services, []string{"web", "api"}) || n[1].Template != "{{.Title}}, \"now\"" {
			t.Errorf("got targets %+v", n)
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
	if m.self.labels["role"] != "web" || m.self.labels["zone"] != "a" {
		t.Errorf("got labels %v", m.self.labels)
	}
	m, s = read("--http", ":81", "--spec", "/srv/site")
	if m.http != ":81" || s.dir != "/srv/site" || s.remote.URL != "" || s.ref.Tag != "" {
		t.Errorf("what is given does not win: %+v %+v", m, s)
	}
}

// Who names a directory means it alone: what the file says of its remote's webhooks and
// forge goes with the remote.
func TestADirectoryInPlaceOfTheRemote(t *testing.T) {
	file := filepath.Join(t.TempDir(), "host.cue")
	text := `source: git: url: "https://github.com/acme/site.git"
hook: {kind: "github", secretFile: "/s", path: "/.havn/hook"}
forge: tokenFile: "/t"
notify: ops: {kind: "slack", addressFile: "/a"}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(given ...string) (*tellFlags, error) {
		m, s, tell := &machine{}, &sourceFlags{}, &tellFlags{}
		set := pflag.NewFlagSet("run", pflag.ContinueOnError)
		s.flags(set)
		tell.flags(set)
		m.flags(set)
		if err := set.Parse(append(given, "--host", file)); err != nil {
			t.Fatal(err)
		}
		if err := m.complete(); err != nil {
			t.Fatal(err)
		}
		return tell, errors.Join(s.check(), tell.check(s))
	}
	if tell, err := read("--spec", "/srv/site"); err != nil || tell.hook.given() || tell.forge.given() || len(tell.notify) != 1 {
		t.Errorf("with a directory: %+v, %v", tell, err)
	}
	if tell, err := read("--git", "https://github.com/acme/other.git"); err != nil || !tell.hook.given() || !tell.forge.given() {
		t.Errorf("with another remote: %+v, %v", tell, err)
	}
	if _, err := read("--spec", "/srv/site", "--hook-kind", "github", "--hook-secret-file", "/s", "--hook-listen", ":9000"); err == nil {
		t.Error("webhooks that are asked for with a directory are passed over")
	}
}

// Who names another remote is not rid of the host's word on whose commits count.
func TestAnotherRemoteIsTrustedAsTheHostSays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "host.cue")
	text := `source: git: {
	url: "https://github.com/acme/site.git", branch: "live", tokenFile: "/t"
	trust: {policy: "every", allowedSigners: "/etc/havn/allowed_signers"}
}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{"": "every", "none": "none"} {
		m, s := &machine{}, &sourceFlags{}
		set := pflag.NewFlagSet("run", pflag.ContinueOnError)
		s.flags(set)
		m.flags(set)
		args := []string{"--host", file, "--git", "https://github.com/acme/other.git"}
		if given != "" {
			args = append(args, "--trust", given)
		}
		if err := errors.Join(set.Parse(args), m.complete()); err != nil {
			t.Fatal(err)
		}
		if s.mode != want || s.keys.AllowedSigners != "/etc/havn/allowed_signers" || s.ref.Branch != "" || s.remote.TokenFile != "" {
			t.Errorf("--trust %q: got %+v, want %s by the host's keys, and nothing else of the other remote", given, s, want)
		}
	}
}

// The usual host file is of one havn on the machine: who names another state directory
// means another, however that one is written.
func TestHostFileOfAnotherHavn(t *testing.T) {
	for _, c := range []struct {
		file, given string
		another     bool
	}{
		{"/srv/havn", "", false},
		{"/srv/havn", "/srv/havn", false},
		{"/srv/havn", "/srv/havn/", false},
		{"/srv/havn", "/srv/./havn", false},
		{"/srv/havn", "/srv/other", true},
		{"/srv/havn", "/var/lib/havn", true},
		{"", "", false},
		{"", "/var/lib/havn/", false},
		{"", "/srv/other", true},
	} {
		m, set := &machine{}, pflag.NewFlagSet("run", pflag.ContinueOnError)
		m.flags(set)
		if c.given != "" {
			if err := set.Set("state", c.given); err != nil {
				t.Fatal(err)
			}
		}
		values := map[string]any{}
		if c.file != "" {
			values["state"] = c.file
		}
		if got := m.ofAnother(values); got != c.another {
			t.Errorf("file %q, --state %q: of another havn is %t", c.file, c.given, got)
		}
	}
}

// What a plan is for is said by a flag, else by the host file, else by the last run or
// apply on the file's state directory.
func TestNameFromTheLastRun(t *testing.T) {
	state, file := t.TempDir(), filepath.Join(t.TempDir(), "host.cue")
	if err := os.WriteFile(filepath.Join(state, flagsFile), []byte(`{"name":"old","label":"role=old"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(text string, given ...string) identity {
		if err := os.WriteFile(file, []byte("state: \""+state+"\"\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		m, set := &machine{}, pflag.NewFlagSet("plan", pflag.ContinueOnError)
		m.flags(set)
		if err := set.Parse(append(given, "--host", file)); err != nil {
			t.Fatal(err)
		}
		if err := m.completeFrom(set, "name", "label"); err != nil {
			t.Fatal(err)
		}
		return m.self
	}
	if i := read(""); i.name != "old" || i.labelText() != "role=old" {
		t.Errorf("from the last run: %+v", i)
	}
	if i := read("name: \"new\"\nlabels: role: \"new\""); i.name != "new" || i.labelText() != "role=new" {
		t.Errorf("from the host file: %+v", i)
	}
	if i := read("name: \"new\"", "--name", "newest"); i.name != "newest" || i.labelText() != "role=old" {
		t.Errorf("from a flag: %+v", i)
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

func TestHostFileCalendar(t *testing.T) {
	file := filepath.Join(t.TempDir(), "host.cue")
	read := func(text string) (hold.Calendar, error) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m := &machine{}
		m.flags(pflag.NewFlagSet("run", pflag.ContinueOnError))
		m.hostFile = file
		err := m.readHostFile()
		return m.calendar, err
	}
	c, err := read(`freezes: [{from: "2026-12-23T12:00:00+01:00", until: "2027-01-02T08:00:00+01:00", why: "Christmas"}]
windows: [{days: ["sun", "sat"], from: "22:00", until: "24:00", zone: "Europe/Oslo"}, {from: "01:00", until: "02:00"}]`)
	if err != nil || len(c.Freezes) != 1 || c.Freezes[0].Until.UTC().Hour() != 7 || c.Freezes[0].Why != "Christmas" ||
		len(c.Windows) != 2 || !slices.Equal(c.Windows[0].Days, []time.Weekday{time.Sunday, time.Saturday}) || c.Windows[0].Zone != "Europe/Oslo" {
		t.Errorf("got %+v, %v", c, err)
	}
	for text, want := range map[string]string{
		`freezes: [{from: "2026-12-23T12:00:00Z", until: "2026-12-22T12:00:00Z"}]`: "host.cue:1:10: freezes.0: ",
		`freezes: [{from: "2026-13-23T12:00:00Z", until: "2026-12-22T12:00:00Z"}]`: "host.cue:1:10: freezes: ",
		`windows: [{from: "12:00", until: "13:00", zone: "Europe/Olso"}]`:          `host.cue:1:10: windows.0: `,
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
