//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"havn.internal/e2e/traffic"
	"havn.internal/reconciler/console"
	"havn.internal/spec"
)

// patience bounds every wait. It is far above what anything takes, so that a busy
// machine fails no test.
const patience = 5 * time.Minute

// A scenario is one site on this machine with a havn of its own, under load.
type scenario struct {
	t testing.TB
	lease
	dir, state, logs string
	// source are the flags that name the source, and pushed is its newest commit, if
	// that is not the directory.
	source []string
	pushed func() string

	daemon  *daemon
	streams []stream
	// planted are the containers that are not havn's, and foreignBefore what all
	// that is not was like.
	planted       []string
	foreignBefore string
	// mayLose is the declared outage: so many requests of each stream.
	mayLose int
}

// A stream is a load with its name.
type stream struct {
	name string
	*traffic.Stream
}

// newScenario prepares a site; havn is not started yet. At the test's end it is
// checked and removed.
func newScenario(t *testing.T) *scenario {
	t.Helper()
	t.Parallel()
	return prepare(t)
}

// prepare is newScenario for those that don't run beside others.
func prepare(t testing.TB) *scenario {
	t.Helper()
	root := t.TempDir()
	s := &scenario{t: t, lease: takeLease(t), dir: filepath.Join(root, "spec"), state: filepath.Join(root, "state"), logs: filepath.Join(root, "logs")}
	for _, d := range []string{s.dir, s.state, s.logs} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.tearDown)
	s.plantForeign()
	return s
}

// write makes the parts the wanted site, in one step.
func (s *scenario) write(parts ...string) {
	s.t.Helper()
	text := "package site\n" + strings.Join(parts, "\n")
	next := filepath.Join(filepath.Dir(s.dir), "next.cue")
	if err := os.WriteFile(next, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(s.dir, "site.cue")); err != nil {
		s.t.Fatal(err)
	}
}

// apply writes the site and waits until the host is converged to it.
func (s *scenario) apply(parts ...string) {
	s.t.Helper()
	s.write(parts...)
	s.converge()
}

// converge waits until the host is as the source says.
func (s *scenario) converge() {
	s.t.Helper()
	revision := s.revision()
	s.await("converged to "+revision, func(st console.Status) bool { return st.Converged && st.Revision.Applied == revision })
}

// revision is the newest of the source.
func (s *scenario) revision() string {
	s.t.Helper()
	if s.pushed != nil {
		return s.pushed()
	}
	snapshot, err := spec.TakeSnapshot(s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	return snapshot.Revision()
}

// await waits until the running havn's status is as told.
func (s *scenario) await(what string, reached func(console.Status) bool) console.Status {
	s.t.Helper()
	var last console.Status
	s.poll(what, func() bool {
		st, err := s.status()
		if err == nil {
			last = st
		}
		return err == nil && reached(st)
	}, func() string { return fmt.Sprintf("last status: %+v", last) })
	return last
}

// poll waits until a condition holds, and fails the test if it never does.
func (s *scenario) poll(what string, reached func() bool, detail func() string) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !reached() {
		if time.Now().After(deadline) {
			s.t.Fatalf("not within %s: %s; %s", patience, what, detail())
		}
		if s.daemon != nil && s.daemon.ended() {
			s.t.Fatalf("havn ended while waiting: %s", what)
		}
		<-tick.C
	}
}

func (s *scenario) status() (console.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := console.Dial(ctx, s.state)
	if err != nil {
		return console.Status{}, err
	}
	return client.Status(ctx)
}

// service returns one service's status.
func service(st console.Status, name string) console.Service {
	i := slices.IndexFunc(st.Services, func(one console.Service) bool { return one.Name == name })
	if i < 0 {
		return console.Service{}
	}
	return st.Services[i]
}

// load sends traffic to a service until the test's end: over the loopback, and
// over a connection with a round trip of 50 ms.
func (s *scenario) load(host, service string, versions ...string) {
	s.t.Helper()
	delay, err := traffic.StartDelay(s.http(), 25*time.Millisecond)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		s.stopLoad()
		delay.Close()
	})
	for way, addr := range map[string]string{"loopback": s.http(), "50 ms": delay.Addr()} {
		l := traffic.Load{Addr: addr, Host: host, Path: "/", Service: service, Versions: versions, Rate: 100}
		s.streams = append(s.streams, stream{fmt.Sprintf("%s of %s over %s", host, service, way), l.Start()})
	}
}

// streamsAllow says which versions may answer from now on.
func (s *scenario) streamsAllow(versions ...string) {
	for _, st := range s.streams {
		st.Allow(versions...)
	}
}

// stopLoad ends the traffic and returns its reports, by name.
func (s *scenario) stopLoad() map[string]traffic.Report {
	reports := map[string]traffic.Report{}
	for _, st := range s.streams {
		reports[st.name] = st.Stop()
	}
	return reports
}

// answers waits until every stream's last answer came from a version.
func (s *scenario) answers(version string) {
	s.t.Helper()
	s.poll("answered by version "+version, func() bool {
		return !slices.ContainsFunc(s.streams, func(st stream) bool { return st.Report().Last() != version })
	}, func() string { return s.said() })
}

// said is the reports so far.
func (s *scenario) said() string {
	var b strings.Builder
	for _, st := range s.streams {
		fmt.Fprintf(&b, "\n%s: %s", st.name, st.Report())
	}
	return b.String()
}
