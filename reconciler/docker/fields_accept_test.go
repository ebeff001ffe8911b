package docker

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"havn.internal/reconciler/nginx"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// texts are values that a reader of the configuration, Docker or the kernel may have
// special cases for.
var texts = []string{
	"", " ", "/", "//", "/a", "/a/", "//a", "/a//b", "/a/../b", "/./", "/%2F", "/%24x", "/a b", "/a;b", "/{x}", "/$x", "/#x", "/?x=1", "/*", "/a/*", "/:id", "/~",
	"=/", "=//", "=/a/", "=/a//", "=/%", "http://x.no", "https://x.no/a?b#c", "https://x.no:99999/", "//x.no/", "generation.havn.internal", "*.havn.internal", "_", "*.x.no",
	"x.no", "X-Site", "x-site", "Host", "host", "Connection", "te", "Date", "server", "Content-Length", "Upgrade", "Retry-After", "retry-after", "x_y", "x", "a$b", `"`, `\`, `\"`, "a\x00b", "a\r\nX: y", "ø", "\t",
	"0", "00", "1", "-1", "0s", "1ns", "999999h", "1ms", "0.5ms", "1k", "999999999g", "0k", "5m", "SIGKILL", "SIGRTMIN+15", "SIGRTMIN+16", "ALL", "CAP_ALL", "NET_RAW", "CAP_NET_RAW",
	"127.0.0.1:80", "[::1]:80", "0.0.0.0:1", "1000", "root", "1000:1000", "a:b:c", "havn.site", "0777", "0000", "/etc", "/etc/passwd", "/proc", "/proc/x", "/sys", "/dev", "/dev/shm", "/etc/hosts",
}

// aText is one of texts, or of a length about a limit.
func aText(t *rapid.T, what string) string {
	if rapid.IntRange(0, 5).Draw(t, "how") > 0 {
		return rapid.SampledFrom(texts).Draw(t, what)
	}
	unit := rapid.SampledFrom([]string{"a", `"`, ".", "/a", "-", `\`}).Draw(t, what)
	return rapid.SampledFrom([]string{"", "/", "=/"}).Draw(t, "start") + strings.Repeat(unit, rapid.SampledFrom([]int{62, 63, 64, 127, 128, 129, 253, 254, 899, 900, 901, 1999, 2000, 2001, 4095, 5000}).Draw(t, "times"))
}

// textFields are what a text, or a list of texts, can be set to.
func textFields(rows map[string]row) []string {
	var out []string
	for field, r := range rows {
		switch r.values[0].(type) {
		case string, []any:
			out = append(out, field)
		}
	}
	return out
}

// TestNothingThatCheckAcceptsIsRefusedLater: whatever texts stand in the fields of a
// spec, and for the names of paths, headers and mounts: what check accepts can be
// written for nginx, and told to Docker.
func TestNothingThatCheckAcceptsIsRefusedLater(t *testing.T) {
	bind := t.TempDir()
	e := &Engine{Config: Config{Site: "site", State: "/state", Policy: openPolicy(bind)}}
	services, targets, options := textFields(serviceRows), textFields(targetRows), textFields(optionRows)
	acceptedAny := 0
	rapid.Check(t, func(rt *rapid.T) {
		var trials []trial
		for range 30 {
			trials = append(trials, aTrial(rt, services, targets, options))
		}
		site, refused := accepted(t, nil, trials, func(tr trial) fields { return tr.with }, bind)
		for i, tr := range trials {
			if refused[i] != "" {
				continue
			}
			acceptedAny++
			if tr.kind == "services" {
				if _, err := e.build(plan.Start{Name: "x", Release: spec.Release{Service: site.Services[entryName(i)]}, Addr: netip.MustParseAddr("10.0.0.2")}, plan.Word{}); err != nil {
					rt.Errorf("check accepts %v, and Docker can't be told of it: %v", tr.with, err)
				}
				continue
			}
			for _, l := range plan.Locations(site.Routes[entryName(i)]) {
				l.Servers = []netip.AddrPort{netip.MustParseAddrPort("10.0.0.2:80")}
				if err := nginx.Check(l); err != nil {
					rt.Errorf("check accepts %v, and the gateway refuses it: %v", tr.with, err)
				} else if _, err := nginx.Render(nginx.Settings{Dir: "/d", Listen: []string{"127.0.0.1:80"}}, plan.Table{Locations: []plan.Location{l}}, 1); err != nil {
					rt.Errorf("check accepts %v, and it can't be written for nginx: %v", tr.with, err)
				}
			}
		}
	})
	if acceptedAny < 100 {
		t.Errorf("%d entries have been accepted", acceptedAny)
	}
}

// aTrial is a service or a route with a few odd texts.
func aTrial(t *rapid.T, services, targets, options []string) trial {
	value := func(old any) any {
		if _, list := old.([]any); list {
			return []any{aText(t, "value"), aText(t, "another")}[:rapid.IntRange(1, 2).Draw(t, "n")]
		}
		return aText(t, "value")
	}
	if rapid.Bool().Draw(t, "service") {
		entry := serviceSurroundings["plain"]
		for range rapid.IntRange(1, 2).Draw(t, "fields") {
			field := rapid.SampledFrom(services).Draw(t, "field")
			if field != "binds.*" {
				entry = set(merge(entry, serviceRows[field].with), field, aText(t, "name"), value(serviceRows[field].values[0]))
			}
		}
		return trial{kind: "services", with: entry}
	}
	target := fields{"service": "web"}
	if rapid.IntRange(0, 3).Draw(t, "redirect") == 0 {
		target = fields{"redirect": fields{"to": aText(t, "to"), "keep": rapid.Bool().Draw(t, "keep")}}
	}
	if field := rapid.SampledFrom(targets).Draw(t, "field"); field != "service" && !strings.HasPrefix(field, "redirect") {
		target = set(target, field, "x", aText(t, "value"))
	}
	entry := fields{"hosts": []any{rapid.SampledFrom([]string{"HOST", "*.HOST", "generation.havn.internal"}).Draw(t, "host")}}
	for range rapid.IntRange(0, 3).Draw(t, "options") {
		field := rapid.SampledFrom(options).Draw(t, "option")
		target = set(target, field, aText(t, "name"), aText(t, "value"))
		if rapid.IntRange(0, 3).Draw(t, "of the route") == 0 {
			entry = set(entry, field, aText(t, "name"), aText(t, "value"))
		}
	}
	return trial{kind: "routes", with: set(entry, "paths", "", fields{aText(t, "path"): target})}
}
