package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"havn.internal/gitops/notice"
)

// What a person may type for havn run, and what is said of it.
func TestTellFlags(t *testing.T) {
	const git, slack = "--git=https://forge.example.no/acme/site.git", "--notify=ops=slack:/a"
	hook := []string{git, "--hook-kind=github", "--hook-secret-file=/s"}
	forge := []string{git, "--forge-token-file=/t"}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--spec=/d"}, ""},
		{[]string{"--spec=/d", slack}, ""},
		{[]string{"--spec=/d", "--hook-listen=:9"}, "--hook-* goes with --git"},
		{[]string{"--spec=/d", "--forge-token-file=/t"}, "--forge-* goes with --git"},
		{hook, "--hook-listen or --hook-path"},
		{append(hook, "--hook-listen=:9000"), ""},
		{append(hook, "--hook-listen=127.0.0.1:9000", "--hook-path=/.havn/hook", "--hook-host=example.no"), ""},
		{append(hook, "--hook-listen=[::1]:9000"), ""},
		{append(hook, "--hook-listen=9000"), "--hook-listen"},
		{append(hook, "--hook-listen=:0"), "--hook-listen"},
		{append(hook, "--hook-listen=example.no:9000"), "--hook-listen"},
		{append(hook, "--hook-path=hook"), "--hook-path: path"},
		{append(hook, "--hook-path=/a//b"), "--hook-path: path"},
		{append(hook, "--hook-path=/a", "--hook-host=no host"), "host"},
		{append(hook, "--hook-listen=:9000", "--hook-host=example.no"), "--hook-host goes with --hook-path"},
		{[]string{git, "--hook-kind=github", "--hook-path=/a"}, "--hook-secret-file is missing"},
		{[]string{git, "--hook-secret-file=/s", "--hook-path=/a"}, "--hook-kind is missing"},
		{forge, "which kind of forge"},
		{append(forge, "--forge-kind=gitea"), ""},
		{append(forge, "--forge-kind=svn"), "not a kind of forge"},
		{[]string{git, "--forge-kind=gitea"}, "--forge-token-file is missing"},
		{[]string{"--git=https://github.com/acme/site", "--forge-token-file=/t"}, ""},
		{[]string{"--git=file:///srv/site.git", "--forge-token-file=/t"}, "none of a repository at a forge"},
		{[]string{"--git=file:///srv/site.git", "--forge-token-file=/t", "--forge-repository=acme/site"}, "--forge-repository goes with --forge-api"},
		{[]string{"--git=file:///srv/site.git", "--forge-token-file=/t", "--forge-kind=gitlab", "--forge-api=https://gitlab.example.no", "--forge-repository=a/b/site"}, ""},
		{[]string{"--spec=/d", slack, slack}, "two targets ops"},
		{[]string{"--spec=/d", "--notify=slack:/a"}, "NAME=KIND:ADDRESSFILE"},
		{[]string{"--spec=/d", "--notify=ops=smoke:/a"}, "not a kind of target"},
		{[]string{"--spec=/d", "--notify=ops=slack:"}, "address: no file"},
		{[]string{"--spec=/d", "--notify=ops=matrix:/a,token=/t,room=#ops"}, "room"},
		{[]string{"--spec=/d", "--notify=ops=slack:/a,least=awful"}, "not a severity"},
		{[]string{"--spec=/d", "--notify=ops=slack:/a,color=red"}, `"color=red"`},
		{[]string{"--spec=/d", `--notify=ops={"kind":"slack","addressFile":"/a","colour":"red"}`}, "colour"},
	} {
		s, f := &sourceFlags{}, &tellFlags{}
		set := pflag.NewFlagSet("run", pflag.ContinueOnError)
		s.flags(set)
		f.flags(set)
		err := set.Parse(c.args)
		if err == nil {
			err = f.check(s)
		}
		if got := ""; err != nil {
			got = err.Error()
			if c.want == "" || !strings.Contains(got, c.want) {
				t.Errorf("%v: %s", c.args, got)
			}
		} else if c.want != "" {
			t.Errorf("%v: taken, want %q", c.args, c.want)
		}
	}
}

// A target is the same from a flag and from a host file, which can say all of it.
func TestTargets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "host.cue")
	text := `source: dir: "/srv/site"
notify: {
	ops: {kind: "matrix", addressFile: "/a", tokenFile: "/t", room: "!r:example.no", least: "warning", services: ["web", "api"]}
	hub: {kind: "webhook", addressFile: "/a", secretFile: "/s", template: "{{.Title}}, \"{{.Host}}\""}
}
egress: proxy: "http://proxy.example.no:3128"
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(args ...string) *tellFlags {
		m, s, f := &machine{}, &sourceFlags{}, &tellFlags{}
		set := pflag.NewFlagSet("run", pflag.ContinueOnError)
		s.flags(set)
		f.flags(set)
		m.flags(set)
		if err := set.Parse(append(args, "--host", file)); err != nil {
			t.Fatal(err)
		}
		if err := m.complete(); err != nil {
			t.Fatal(err)
		}
		return f
	}
	ops := notice.Target{Name: "ops", Kind: notice.Matrix, Address: "/a", Token: "/t", Room: "!r:example.no", Least: notice.Warning, Services: []string{"web", "api"}}
	hub := notice.Target{Name: "hub", Kind: notice.Webhook, Address: "/a", Secrets: "/s", Template: `{{.Title}}, "{{.Host}}"`}
	if f := read(); !reflect.DeepEqual([]notice.Target(f.notify), []notice.Target{hub, ops}) || f.proxy != "http://proxy.example.no:3128" {
		t.Errorf("from the file: %+v %q", f.notify, f.proxy)
	}
	if f := read("--notify", "ops=matrix:/a,token=/t,room=!r:example.no,least=warning,service=web,service=api"); !reflect.DeepEqual([]notice.Target(f.notify), []notice.Target{ops}) {
		t.Errorf("from a flag: %+v", f.notify)
	}
}
