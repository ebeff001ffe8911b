//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"havn.internal/reconciler/console"
)

func TestRolloutsOnDocker28(t *testing.T) {
	m := newMachine(t)
	m.write(web("1"))
	m.start()
	m.converge()
	m.load("1", "2")
	for i := range 6 {
		version := []string{"2", "1"}[i%2]
		m.write(web(version, fmt.Sprintf(`env: ROUND: "%d"`, i), fmt.Sprintf("replicas: %d", 1+i/2)))
		m.answers(version)
	}
	m.converge()
	m.lossless()
}

// dockerd is killed while a fresh replica comes up. nginx and the replicas serve
// on, and the rollout goes on when dockerd is back.
func TestEngineKilledMidRollout(t *testing.T) {
	m := newMachine(t)
	m.write(web("1", "replicas: 2"))
	m.start()
	m.converge()
	m.load("1", "2")
	m.write(web("2", "replicas: 2", `env: READY: "2s"`))
	m.await("a fresh replica runs", func(s console.Status) bool { return len(service(s, "web").Replicas) == 3 })
	m.must(m.KillEngine(t.Context()))
	m.must(m.StartEngine(t.Context()))
	m.answers("2")
	m.converge()
	m.lossless()
}

// Without dockerd nothing is known of the containers, and unknown is not absent:
// after half a minute the very same processes serve. What nginx logs does not go
// by way of dockerd, which would hold it up.
func TestEngineDown(t *testing.T) {
	m := newMachine(t)
	m.write(web("1", "replicas: 2"))
	m.start("--access-log")
	m.converge()
	before := m.processes()
	m.load("1")
	m.must(m.KillEngine(t.Context()))
	down := time.NewTimer(30 * time.Second)
	m.await("havn can't see", func(s console.Status) bool { return s.Unknown != "" })
	<-down.C
	m.must(m.StartEngine(t.Context()))
	m.await("havn sees again", func(s console.Status) bool { return s.Unknown == "" && s.Converged })
	if after := m.processes(); !slices.Equal(after, before) {
		t.Errorf("containers changed\nfrom %q\n  to %q", before, after)
	}
	m.lossless()
}
