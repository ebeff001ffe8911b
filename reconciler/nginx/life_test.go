package nginx

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"havn.internal/e2e/images"
)

func TestAKilledNginxComesBackByItself(t *testing.T) {
	r := newRig(t).start()
	r.set(to("a.example", "/", named(t, "a")))
	before := r.observe()
	for range 2 {
		r.kill()
		eventually(t, "another master answers", func() bool { return r.observe().Running })
		if a := r.get("a.example", "/"); a.body != "a" {
			t.Errorf("status %d", a.status)
		}
	}
	if after := r.observe(); after.Generation != before.Generation || after.Table.Hash() != before.Table.Hash() {
		t.Errorf("generation %d, then %d", before.Generation, after.Generation)
	}
	r.set(to("a.example", "/", named(t, "b")))
	if a := r.get("a.example", "/"); a.body != "b" {
		t.Errorf("after a swap: %q", a.body)
	}
}

func TestARemovedContainerComesBackWithTheConfirmedTable(t *testing.T) {
	r := newRig(t).start()
	r.set(to("a.example", "/", named(t, "a")))
	before := r.observe()
	if out, err := exec.Command("docker", "rm", "-f", r.site+"-gateway").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if r.observe().Running {
		t.Error("it runs though it was removed")
	}
	r.restart()
	if r.observe().Running {
		t.Error("it runs though it was removed")
	}
	r.start()
	after := r.observe()
	if !after.Running || after.Table.Hash() != before.Table.Hash() || after.Generation != before.Generation {
		t.Errorf("running %v, generation %d then %d", after.Running, before.Generation, after.Generation)
	}
	if a := r.get("a.example", "/"); a.body != "a" {
		t.Errorf("status %d", a.status)
	}
	r.onDisk()
}

func TestAPortThatSomebodyHas(t *testing.T) {
	r := newRig(t)
	occupy(t, r.addr)
	err := r.StartGateway(t.Context())
	want := fmt.Sprintf("(pid %d", os.Getpid())
	if err == nil || !strings.Contains(err.Error(), "18100 is taken by process") || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if o := r.observe(); o.Running || !strings.Contains(o.Problem, want) {
		t.Errorf("running %v, problem %q", o.Running, o.Problem)
	}
}

func TestTwoSitesSideBySide(t *testing.T) {
	one, two := newRig(t).start(), newRig(t).start()
	one.set(to("a.example", "/", named(t, "one")))
	two.set(to("a.example", "/", named(t, "two")))
	for r, want := range map[*rig]string{one: "one", two: "two"} {
		if a := r.get("a.example", "/"); a.body != want || !r.observe().Running {
			t.Errorf("got %q from %s", a.body, want)
		}
	}
}

// TestAnotherListener: havn is started again with another --http. A port may
// change while nginx runs; the form of one may not, and havn says so.
func TestAnotherListener(t *testing.T) {
	r := newRig(t).start()
	r.set(to("a.example", "/", named(t, "a")))
	old := r.addr
	c := r.Config
	c.HTTP = strings.Replace(r.addr, ":18100", ":18101", 1)
	r.addr = c.HTTP
	r.again(c)
	if r.observe().Running {
		t.Error("it is known though it is elsewhere")
	}
	r.start()
	if a := r.get("a.example", "/"); a.body != "a" || !r.observe().Running {
		t.Errorf("on the new port: %q", a.body)
	}
	if taken := (listener{directives: []string{old}}).taken(); taken != "" {
		t.Errorf("the old port: %s", taken)
	}
	wide := c
	wide.HTTP = ":18101"
	r.again(wide)
	err := r.StartGateway(t.Context())
	if err == nil || !strings.Contains(err.Error(), "docker rm -f "+r.site) {
		t.Errorf("got %v", err)
	}
	if a := r.get("a.example", "/"); a.body != "a" {
		t.Errorf("the old form serves no more: %d", a.status)
	}
	r.again(c)
	eventually(t, "the old form is known again", func() bool { return r.observe().Running })
}

// TestAllAddresses: the widest form serves on IPv4 and, where there is one, IPv6.
func TestAllAddresses(t *testing.T) {
	r := newRig(t, func(c *Config) { c.HTTP = ":18150" }).start()
	r.set(to("a.example", "/", named(t, "a")))
	addrs := []string{"127.0.0.1:18150", "127.0.0.9:18150"}
	if hasIPv6() {
		addrs = append(addrs, "[::1]:18150")
	}
	for _, addr := range addrs {
		if a := rawTo(t, addr, "GET / HTTP/1.0\r\nHost: a.example\r\n\r\n"); a.body != "a" {
			t.Errorf("%s: %d", addr, a.status)
		}
	}
	// The generation is for this machine only: for others the host is unknown.
	if ip := outside(t); ip.IsValid() {
		a := rawTo(t, netip.AddrPortFrom(ip, 18150).String(), "GET /generation HTTP/1.0\r\nHost: "+generationHost+"\r\n\r\n")
		if a.status != 404 {
			t.Errorf("the generation is told to %s: %q", ip, a.body)
		}
	}
}

// outside is an address of this machine that is not loopback, if it has one.
func outside(t *testing.T) netip.Addr {
	t.Helper()
	out, err := exec.Command("hostname", "-I").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range strings.Fields(string(out)) {
		if ip, err := netip.ParseAddr(f); err == nil && ip.Is4() {
			return ip
		}
	}
	return netip.Addr{}
}

// TestAnOldNginxSaysWhatItLoses, and works; and another image is not put in its
// place unasked.
func TestAnOldNginxSaysWhatItLoses(t *testing.T) {
	old, err := images.NginxOld(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	image, err := images.Nginx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := rigOf(t, old).start()
	r.set(to("a.example", "/", named(t, "a")))
	if a := r.get("a.example", "/"); a.body != "a" {
		t.Errorf("status %d", a.status)
	}
	if d := r.Degraded(); !strings.Contains(d, "nginx 1.22.") || strings.Contains(d, "outage") {
		t.Errorf("it says %q", d)
	}
	upgrade := r.Config
	upgrade.Process = container(t, r.site, image, r.Dir)
	r.again(upgrade)
	if !r.observe().Running || !strings.Contains(r.Degraded(), "docker rm -f "+r.site+"-gateway") {
		t.Errorf("it says %q", r.Degraded())
	}
	for _, from := range []struct{ process Process }{{upgrade.Process}, {container(t, r.site, old, r.Dir)}} {
		if out, err := exec.Command("docker", "rm", "-f", r.site+"-gateway").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		c := r.Config
		c.Process = from.process
		r.again(c)
		r.start()
		if a := r.get("a.example", "/"); a.body != "a" || !r.observe().Running {
			t.Errorf("made anew: status %d", a.status)
		}
		if lossless(r.Version()) != (r.Degraded() == "") {
			t.Errorf("nginx %s: %q", r.Version(), r.Degraded())
		}
	}
}

// TestTheDirectoryIsRemoved while nginx runs, which can be told nothing any more: it is
// known for havn's own, and another one follows the table that was confirmed, or, where
// havn was started anew too, the one that comes next.
func TestTheDirectoryIsRemoved(t *testing.T) {
	for name, restart := range map[string]bool{"under a running havn": false, "and havn is started anew": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t).start()
			want := to("a.example", "/", named(t, "a"))
			r.set(want)
			before := r.master()
			if err := os.RemoveAll(r.Dir); err != nil {
				t.Fatal(err)
			}
			if restart {
				r.restart()
			}
			if r.observe().Running {
				t.Error("it is known though it can be told nothing")
			}
			if a := r.get("a.example", "/"); a.body != "a" {
				t.Errorf("it serves no more: %d", a.status)
			}
			r.start()
			if restart {
				r.set(want)
			}
			if a := r.get("a.example", "/"); a.body != "a" || r.master() == before || !r.observe().Running {
				t.Errorf("status %d by %d, which was %d", a.status, r.master(), before)
			}
			r.onDisk()
			r.restart()
			if !r.observe().Running {
				t.Error("another havn does not know it")
			}
		})
	}
}
