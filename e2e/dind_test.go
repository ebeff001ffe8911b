//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"havn.internal/e2e/host"
	"havn.internal/e2e/images"
	"havn.internal/e2e/traffic"
	"havn.internal/reconciler/console"
)

// A machine is a whole one, with its own Docker 28, on which havn runs with its
// defaults as on the machine of a user.
type machine struct {
	t *testing.T
	*host.Host
	streams []stream
}

// Where things lie on the machine.
const (
	machineSpec = "/srv/spec"
	machineLog  = "/var/log/havn.log"
)

// newMachine switches on a machine that has the images and havn, and nothing more.
func newMachine(t *testing.T) *machine {
	t.Helper()
	t.Parallel()
	return bootMachine(t)
}

// bootMachine is newMachine for a test that has more than one.
func bootMachine(t *testing.T) *machine {
	t.Helper()
	hello(t, "1", "2")
	image, err := images.Host(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	number := takeLease(t)
	m := &machine{t: t}
	m.Host, err = host.Start(t.Context(), host.Options{
		Name: fmt.Sprintf("hm-%d", number), Image: image, Subnet: netip.MustParsePrefix(fmt.Sprintf("10.204.%d.0/24", number)),
		Load: []string{"nginx:1.30", "havn-hello:1", "havn-hello:2"},
	})
	t.Cleanup(m.switchOff)
	if err != nil {
		t.Fatal(err)
	}
	m.must(m.Put(t.Context(), havnBinary, "/usr/local/bin/havn"))
	m.inside("mkdir", "-p", machineSpec)
	return m
}

// switchOff ends the load and removes the machine. Of a failed test it keeps
// havn's log and Docker's.
func (m *machine) switchOff() {
	for _, s := range m.streams {
		s.Stop()
	}
	if m.t.Failed() {
		for _, log := range []string{machineLog, "/var/log/dockerd.log"} {
			out, _ := m.Run(context.Background(), "tail", "-n", "60", log)
			m.t.Logf("%s:\n%s", log, out)
		}
	}
	if err := m.Close(); err != nil {
		m.t.Error(err)
	}
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// inside runs a command on the machine that has to succeed.
func (m *machine) inside(args ...string) string {
	m.t.Helper()
	out, err := m.Run(m.t.Context(), args...)
	m.must(err)
	return out
}

// write makes the parts the wanted site, in one step.
func (m *machine) write(parts ...string) {
	m.t.Helper()
	file := filepath.Join(m.t.TempDir(), "site.cue")
	m.must(os.WriteFile(file, []byte("package site\n"+strings.Join(parts, "\n")), 0o644))
	m.must(m.Put(m.t.Context(), file, "/srv/next.cue"))
	m.inside("mv", "/srv/next.cue", machineSpec+"/site.cue")
}

// start starts havn on the machine's spec, which nothing starts again.
func (m *machine) start(flags ...string) {
	m.t.Helper()
	m.launch(append([]string{"--spec", machineSpec}, flags...)...)
}

// launch starts havn with these flags.
func (m *machine) launch(flags ...string) {
	m.t.Helper()
	command := "setsid havn run " + strings.Join(flags, " ")
	m.inside("sh", "-c", command+" >> "+machineLog+" 2>&1 < /dev/null &")
}

// end ends havn with a signal, and nothing else on the machine.
func (m *machine) end(signal string) {
	m.t.Helper()
	m.inside("sh", "-c", "pkill -"+signal+" -f '^havn run'; while pgrep -f '^havn run' >/dev/null; do sleep 0.01; done")
}

// status is what the havn that runs says. There may be none.
func (m *machine) status() (console.Status, error) {
	out, err := m.Run(m.t.Context(), "havn", "status", "--json")
	if err != nil {
		return console.Status{}, err
	}
	var s console.Status
	err = json.Unmarshal([]byte(out), &s)
	return s, err
}

// await waits until the running havn's status is as told.
func (m *machine) await(what string, reached func(console.Status) bool) console.Status {
	m.t.Helper()
	var last console.Status
	m.poll(what, func() bool {
		s, err := m.status()
		if err != nil || !s.Running {
			return false
		}
		last = s
		return reached(s)
	}, func() string { return fmt.Sprintf("last status: %+v", last) })
	return last
}

// poll waits until a condition holds.
func (m *machine) poll(what string, reached func() bool, detail func() string) {
	m.t.Helper()
	deadline := time.Now().Add(patience)
	for !reached() {
		if time.Now().After(deadline) {
			m.t.Fatalf("not within %s: %s; %s", patience, what, detail())
		}
	}
}

// converge waits until the machine is as the spec says.
func (m *machine) converge() console.Status {
	m.t.Helper()
	var site struct{ Revision string }
	m.must(json.Unmarshal([]byte(m.inside("havn", "render", machineSpec)), &site))
	return m.await("converged", func(s console.Status) bool { return s.Converged && s.Revision.Applied == site.Revision })
}

// web is the address of the machine's port 80, seen from outside.
func (m *machine) web() string { return m.Addr.String() + ":80" }

// load sends traffic to the machine until stopLoad.
func (m *machine) load(versions ...string) {
	l := traffic.Load{Addr: m.web(), Host: "web.test", Path: "/", Service: "web", Versions: versions, Rate: 100}
	m.streams = append(m.streams, stream{"web.test", l.Start()})
}

// answers waits until the last answer came from a version.
func (m *machine) answers(version string) {
	m.t.Helper()
	s := m.streams[len(m.streams)-1]
	m.poll("answered by version "+version, func() bool { return s.Report().Last() == version }, func() string { return s.Report().String() })
}

// lossless ends the load: nothing may have been lost.
func (m *machine) lossless() {
	m.t.Helper()
	for _, s := range m.streams {
		r := s.Stop()
		m.t.Logf("%s: %s", s.name, r)
		if r.Sent == 0 || len(r.Lost) > 0 {
			m.t.Errorf("lost requests: %s: %s", s.name, r)
		}
	}
	m.streams = nil
}

// processes returns the site's running containers as "name address id pid" each;
// who dies and comes back has another pid.
func (m *machine) processes() []string {
	m.t.Helper()
	ids := strings.Fields(m.inside("docker", "ps", "--quiet", "--no-trunc", "--filter", "label=havn.site=havn"))
	if len(ids) == 0 {
		return nil
	}
	lines := strings.Split(m.inside(append([]string{
		"docker", "inspect", "--format", "{{.Name}} at={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}} {{.Id}} {{.State.Pid}}",
	}, ids...)...), "\n")
	slices.Sort(lines)
	return lines
}

// columns leaves the first n words of each line.
func columns(n int, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		words := strings.Fields(l)
		out[i] = strings.Join(words[:min(n, len(words))], " ")
	}
	return out
}
