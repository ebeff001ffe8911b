package main

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
)

func TestMachineCompletes(t *testing.T) {
	m := machine{state: "/var/lib/havn-blue", http: ":80", gateway: "container", https: ":443", log: logFlags{format: "auto"}, allowBind: []string{"testdata"}}
	if err := m.complete(); err != nil {
		t.Fatal(err)
	}
	if here, err := filepath.Abs("testdata"); err != nil || m.allowBind[0] != here {
		t.Errorf("testdata is allowed as %s, want %s (%v)", m.allowBind[0], here, err)
	}
	if m.site != "havn-blue" {
		t.Errorf("site %q does not follow from the state directory", m.site)
	}
	p, err := netip.ParsePrefix(m.subnet)
	if err != nil || p != p.Masked() {
		t.Errorf("subnet %q is no network (%v)", m.subnet, err)
	}
}

func TestMachineRefuses(t *testing.T) {
	for _, c := range []struct {
		wrong func(*machine)
		says  string
	}{
		{func(m *machine) { m.state = "/s/UPPER" }, "--site"},
		{func(m *machine) { m.site = "a b" }, "--site"},
		{func(m *machine) { m.http = "80" }, "--http"},
		{func(m *machine) { m.http = "localhost:80" }, "--http"},
		{func(m *machine) { m.https = "443" }, "--https"},
		{func(m *machine) { m.gateway = "pod" }, "--gateway"},
		{func(m *machine) { m.log.format = "loud" }, "--log"},
		{func(m *machine) { m.subnet = "10.0.0.0/30" }, "--subnet"},
		{func(m *machine) { m.subnet = "fd00::/64" }, "--subnet"},
		{func(m *machine) { m.allowBind = []string{filepath.Join(t.TempDir(), "none")} }, "--allow-bind"},
	} {
		m := machine{state: "/s/x", gateway: "container", http: ":80", https: ":443", log: logFlags{format: "auto"}}
		c.wrong(&m)
		if err := m.complete(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want an error that names %s", m, err, c.says)
		}
	}
}

// Sites on one machine must not need --subnet to be told apart, and must stay out
// of the ranges Docker takes by itself.
func TestSubnetsOfSites(t *testing.T) {
	inside := netip.MustParsePrefix("10.64.0.0/10")
	also := netip.MustParsePrefix("10.128.0.0/10")
	seen := map[netip.Prefix]string{}
	for _, site := range []string{"havn", "havn2", "blue", "green", "shop", "test", "staging", "prod", "a", "b"} {
		p := subnetOf(site)
		if p != p.Masked() || p.Bits() != 22 || !inside.Contains(p.Addr()) && !also.Contains(p.Addr()) {
			t.Errorf("%s: %s", site, p)
		}
		if other, taken := seen[p]; taken {
			t.Errorf("%s and %s share %s", site, other, p)
		}
		seen[p] = site
	}
}
