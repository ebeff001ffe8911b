//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"havn.internal/e2e/traffic"
	"havn.internal/gitops/origin"
	"havn.internal/reconciler/console"
)

// The remote's name is gone, then the remote, for days, and the machine reboots
// meanwhile; there is no registry at any time. What was accepted last is served and
// healed, status says since when nothing came, and when the remote is back, what was
// pushed meanwhile is rolled out.
func TestTheRemoteIsAway(t *testing.T) {
	m := newMachine(t)
	bare := origin.New(t, "--bare")
	server, dev := bare.ServeAt(m.outside()), newDeveloper(t, bare.Dir)
	first := dev.push(dev.Commit(release("1", "replicas: 2")))
	flags := []string{
		"--git", strings.Replace(server.Address(), m.outside(), origin.Name, 1), "--ca-file", m.keep(server.CAFile, "ca.pem"), "--interval", "1s",
	}
	m.inside("sh", "-c", "echo "+m.outside()+" "+origin.Name+" >> /etc/hosts")
	m.launch(flags...)
	m.reaches(first)

	m.load("1")
	// The file is a mount, so it is written and not replaced.
	m.inside("sh", "-c", "grep -v "+origin.Name+" /etc/hosts > /tmp/hosts; cat /tmp/hosts > /etc/hosts")
	contact := m.away("esolve host", first).Source.Contact
	m.end("KILL")
	m.launch(flags...)
	m.staleSince(contact, "s ago", "esolve host", first)
	m.lossless()
	m.healsAlone(2)

	m.must(m.Reboot(t.Context()))
	m.comesFrom("1")
	m.inside("sh", "-c", "echo "+m.outside()+" "+origin.Name+" >> /etc/hosts")
	hangUp := func(w http.ResponseWriter, _ *http.Request) bool { panic(http.ErrAbortHandler) }
	server.Before.Store(&hangUp)
	dev.push(dev.Commit(release("2", "replicas: 2")))
	daysAgo := contact.Add(-72 * time.Hour).Truncate(time.Second)
	m.inside("touch", "--date", daysAgo.Format(time.RFC3339), "/var/lib/havn/git/contact")
	m.launch(flags...)
	m.staleSince(daysAgo, "3 days ago", "git ls-remote", first)
	m.healsAlone(2)

	m.load("1", "2")
	server.Before.Store(nil)
	if now := m.reaches(dev.Head()).Source.Contact; !now.After(contact) {
		t.Errorf("the remote answered, and status says it did last at %s", now)
	}
	m.answers("2")
	m.lossless()
}

// away waits until status says why the remote does not answer; what was accepted
// last is as it should be.
func (m *machine) away(why, at string) console.Status {
	m.t.Helper()
	return m.await("the remote is away: "+why, func(s console.Status) bool {
		return s.Source != nil && strings.Contains(s.Source.Problem, why) && s.Converged && s.Revision.Applied == at && s.Source.Accepted.ID == at
	})
}

// staleSince is away, for which status says when the remote answered last.
func (m *machine) staleSince(contact time.Time, ago, why, at string) {
	m.t.Helper()
	if s := m.away(why, at); contact.IsZero() || !s.Source.Contact.Equal(contact) {
		m.t.Errorf("the remote answered last at %s, status says %s", contact, s.Source.Contact)
	}
	text := m.inside("havn", "status")
	for _, want := range []string{why, at[:12], ago + " (" + contact.UTC().Format(time.RFC3339)} {
		if !strings.Contains(text, want) {
			m.t.Errorf("status says nothing of %q:\n%s", want, text)
		}
	}
}

// healsAlone removes a replica by hand, and waits until there are as many again.
func (m *machine) healsAlone(replicas int) {
	m.t.Helper()
	victim := strings.Fields(m.inside("docker", "ps", "--quiet", "--no-trunc", "--filter", "label=havn.service=web"))[0]
	m.inside("docker", "rm", "--force", victim)
	m.await("the replica is replaced", func(s console.Status) bool {
		_, err := m.Run(m.t.Context(), "docker", "inspect", victim)
		one := service(s, "web")
		return err != nil && one.Ready == replicas && one.Routed == replicas && len(one.Replicas) == replicas
	})
}

// comesFrom waits until a version answers.
func (m *machine) comesFrom(version string) {
	m.t.Helper()
	var last error
	m.poll("version "+version+" answers", func() bool {
		a, err := traffic.Get(m.t.Context(), m.web(), "web.test", "/")
		last = err
		return err == nil && a.Version == version
	}, func() string { return fmt.Sprint(last) })
}
