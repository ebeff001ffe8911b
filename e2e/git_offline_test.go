//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"havn.internal/e2e/traffic"
	"havn.internal/gitops/origin"
	"havn.internal/reconciler/console"
)

// The remote's name is gone, then the remote, and the machine reboots meanwhile; there
// is no registry at any time. What was accepted last is served and healed, and when
// the remote is back, what was pushed meanwhile is rolled out.
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
	m.await("the name is gone", func(s console.Status) bool { return strings.Contains(s.Revision.Problem, "esolve host") })
	m.end("KILL")
	m.launch(flags...)
	m.await("it goes on from what it has", func(s console.Status) bool { return s.Revision.Applied == first && s.Revision.Problem != "" })
	m.lossless()
	m.healsAlone(2)

	m.must(m.Reboot(t.Context()))
	m.comesFrom("1")
	m.inside("sh", "-c", "echo "+m.outside()+" "+origin.Name+" >> /etc/hosts")
	hangUp := func(w http.ResponseWriter, _ *http.Request) bool { panic(http.ErrAbortHandler) }
	server.Before.Store(&hangUp)
	dev.push(dev.Commit(release("2", "replicas: 2")))
	m.launch(flags...)
	m.await("the remote hangs up", func(s console.Status) bool { return s.Revision.Applied == first && s.Revision.Problem != "" })
	m.healsAlone(2)

	m.load("1", "2")
	server.Before.Store(nil)
	m.reaches(dev.Head())
	m.answers("2")
	m.lossless()
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
