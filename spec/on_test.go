package spec

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestOnTakes(t *testing.T) {
	host := &Host{Name: "web-1.example.no", Labels: map[string]string{"role": "web", "zone": "a"}}
	for _, c := range []struct {
		on    *sourceOn
		takes bool
	}{
		{nil, true},
		{&sourceOn{}, true},
		{&sourceOn{Hosts: []string{"web-1.example.no"}}, true},
		{&sourceOn{Hosts: []string{"web-1"}}, false},
		{&sourceOn{Hosts: []string{"db", "web-*"}}, true},
		{&sourceOn{Hosts: []string{"*"}}, true},
		{&sourceOn{Hosts: []string{"*.example.no"}}, true},
		{&sourceOn{Hosts: []string{"*.example.com"}}, false},
		{&sourceOn{Labels: map[string]string{"role": "web"}}, true},
		{&sourceOn{Labels: map[string]string{"role": "web", "zone": "b"}}, false},
		{&sourceOn{Labels: map[string]string{"role": "w*", "zone": "*"}}, true},
		{&sourceOn{Labels: map[string]string{"disk": "*"}}, false},
		{&sourceOn{Hosts: []string{"db"}, Labels: map[string]string{"role": "web"}}, false},
	} {
		if got := c.on.takes(host); got != c.takes {
			t.Errorf("%+v takes %s: %v", c.on, host.Name, got)
		}
	}
}

// TestPatternsMeet: two patterns meet if some text is of both, and only then.
func TestPatternsMeet(t *testing.T) {
	pattern := rapid.StringMatching(`[ab*]{0,4}`)
	var texts []string
	for _, a := range []string{"", "a", "b"} {
		for _, b := range []string{"", "a", "b"} {
			for _, c := range []string{"", "a", "b", "aa", "ab", "ba", "bb"} {
				for _, d := range []string{"", "a", "b", "aa", "ab", "ba", "bb", "abab", "baba"} {
					texts = append(texts, a+b+c+d)
				}
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := pattern.Draw(t, "a"), pattern.Draw(t, "b")
		common := ""
		found := false
		for _, text := range texts {
			if meet(a, text, false) && meet(b, text, false) {
				common, found = text, true
			}
		}
		if got := meet(a, b, true); got != found || got != meet(b, a, true) {
			t.Fatalf("%q and %q meet: %v; a text of both is there: %v (%q)", a, b, got, found, common)
		}
	})
}

// fleet is a site of three hosts, in which most is at fault somewhere.
const fleet = `package site

services: web: {image: "web:1", port: 80, on: hosts: ["web-*"]}
services: db: {image: "db:1", port: 5432, on: labels: role: "db", volumes: "/data": "rows"}
services: log: {image: "log:1", volumes: "/var": "lines"}
routes: all: {
	hosts: ["a.no"]
	paths: "/": service: "web"
	paths: "/db": service: "db"
	paths: "/old": redirect: to: "/"
}
volumes: rows: {}
volumes: lines: {}
volumes: spare: {}
`

func partOf(t *testing.T, host *Host, files map[string]string) (Site, error) {
	t.Helper()
	s := snapshotOf(files)
	s.As = host
	return Evaluate(s)
}

// describedBy is what of the fleet is in a site.
func describedBy(s Site) string {
	text := strings.Join(append(append(s.ServiceNames(), s.RouteNames()...), s.VolumeNames()...), " ")
	for _, r := range s.RouteNames() {
		text += " " + strings.Join(sortedKeys(s.Routes[r].Paths), " ")
	}
	return text
}

func TestEachHostHasItsPart(t *testing.T) {
	for _, c := range []struct {
		host *Host
		has  string
	}{
		{nil, "db log web all lines rows spare / /db /old"},
		{&Host{Name: "web-1"}, "log web all lines spare / /old"},
		{&Host{Name: "d", Labels: map[string]string{"role": "db"}}, "db log all lines rows spare /db /old"},
		{&Host{Name: "other"}, "log lines spare"},
	} {
		site, err := partOf(t, c.host, map[string]string{"site.cue": fleet})
		if got := describedBy(site); err != nil || got != c.has {
			t.Errorf("%+v has %q, want %q (%v)", c.host, got, c.has, err)
		}
	}
}

// TestOnIsNoRelease: how a service is chosen for a host does not make another
// release of it.
func TestOnIsNoRelease(t *testing.T) {
	var seen []Service
	for _, on := range []string{"", `, on: hosts: ["a"]`, `, on: labels: role: "w*"`} {
		site, err := partOf(t, &Host{Name: "a", Labels: map[string]string{"role": "web"}}, map[string]string{"site.cue": "package site\n\nservices: web: {image: \"i\"" + on + "}\n"})
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, site.Services["web"])
	}
	for _, s := range seen[1:] {
		if (Release{Service: s}).Fingerprint("s") != (Release{Service: seen[0]}).Fingerprint("s") {
			t.Errorf("%+v is another release than %+v", s, seen[0])
		}
	}
}

// TestOthersMistakes: what is wrong in an entry breaks the hosts it is for, and no
// other; what is wrong in its `on` breaks all.
func TestOthersMistakes(t *testing.T) {
	mine := "services: mine: image: \"i\"\n"
	for _, c := range []struct{ entry, says string }{
		{`services: "Bad Name": {image: 5, on: hosts: ["b"]}`, "expected a"},
		{`services: x: {imge: "i", on: hosts: ["b"]}`, "no such field"},
		{`services: x: {image: string, on: labels: role: "db"}`, "no concrete value"},
		{`services: x: {image: "i" & "j", on: hosts: ["b"]}`, "image"},
		{`services: x: {image: "i", needs: ["nobody"], on: hosts: ["b"]}`, "there is no service"},
		{`services: x: {image: "i", volumes: "/d": "v", on: hosts: ["b"]}, volumes: v: lable: 1`, "no such field"},
		{`routes: x: {hosts: ["A"], paths: {}, on: hosts: ["b"]}`, "expected a"},
		{`routes: x: {hosts: ["a.no"], paths: "/": service: "nobody", on: hosts: ["b"]}`, "there is no service"},
	} {
		files := map[string]string{"site.cue": "package site\n\n" + mine + c.entry + "\n"}
		if site, err := partOf(t, &Host{Name: "a"}, files); err != nil || describedBy(site) != "mine" {
			t.Errorf("%s breaks another host: %q, %v", c.entry, describedBy(site), err)
		}
		for _, h := range []*Host{nil, {Name: "b", Labels: map[string]string{"role": "db"}}} {
			if _, err := partOf(t, h, files); err == nil || !strings.Contains(err.Error(), "site.cue:4:") || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s on %v: %v", c.entry, h, err)
			}
		}
	}
	for _, on := range []string{`hosts: ["B"]`, `hosts: []`, `hosts: "b"`, `host: ["b"]`, `labels: role: 1`, `hosts: [string]`} {
		files := map[string]string{"site.cue": "package site\n\nservices: x: {image: \"i\", on: " + on + "}\n"}
		if _, err := partOf(t, &Host{Name: "a"}, files); err == nil || !strings.HasPrefix(err.Error(), "site.cue:3:") {
			t.Errorf("on: %s: %v", on, err)
		}
	}
}

// TestRulesBetweenHosts: entries that no host has both of do not meet; what can't be
// met on a host is told.
func TestRulesBetweenHosts(t *testing.T) {
	for _, c := range []struct {
		name, spec string
		host       *Host
		says       string
	}{
		{"one path on two hosts", `services: s: {image: "i", port: 1}
routes: {for h in ["a", "b"] {(h): {on: hosts: [h], hosts: ["x.no"], paths: "/": service: "s"}}}`, nil, ""},
		{"one path on hosts that may be one", `services: s: {image: "i", port: 1}
routes: {for h in ["a*", "*b"] {"r\(len(h))\([if h == "a*" {1}, 2][0])": {on: hosts: [h], hosts: ["x.no"], paths: "/": service: "s"}}}`, nil, "already"},
		{"one port on two hosts", `services: {for h in ["a", "b"] {(h): {on: labels: role: h, image: "i", ports: p: {port: 1, host: "0.0.0.0:1"}}}}`, nil, ""},
		{"one writer on each host", `services: {for h in ["a", "b"] {(h): {on: hosts: [h], image: "i", volumes: "/d": "v"}}}
volumes: v: {}`, nil, ""},
		{"needs what is elsewhere", `services: {a: {image: "i", needs: ["b"]}, b: {image: "i", on: hosts: ["b"]}}`, &Host{Name: "a"}, "site.cue:3:36: services.a.needs[0]: service b is not on this host"},
		{"needs what is never there", `services: {a: {image: "i", needs: ["b"], on: hosts: ["a"]}, b: {image: "i", on: hosts: ["b"]}}`, nil, "site.cue:3:36: services.a.needs[0]: service b runs on no host of service a"},
		{"needs what is on some", `services: {a: {image: "i", needs: ["b"]}, b: {image: "i", on: hosts: ["b"]}}`, nil, ""},
		{"leads where nothing is", `services: s: {image: "i", port: 1, on: hosts: ["a"]}
routes: r: {on: hosts: ["b"], hosts: ["x.no"], paths: "/": service: "s"}`, nil, "site.cue:4:69: routes.r.paths.\"/\".service: no host of this route runs service s"},
	} {
		_, err := partOf(t, c.host, map[string]string{"site.cue": "package site\n\n" + c.spec + "\n"})
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}
