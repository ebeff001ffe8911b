//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"havn.internal/reconciler/console"
)

// running brings a site up and puts it under load.
func running(t *testing.T, spec string, versions ...string) *scenario {
	t.Helper()
	s := newScenario(t)
	hello(t, versions...)
	s.write(spec)
	s.start()
	s.converge()
	s.load("web.test", "web", versions...)
	return s
}

// rollouts is how many are made in a row. HAVN_E2E_ROLLOUTS asks for more.
func rollouts(t *testing.T) int {
	text := os.Getenv("HAVN_E2E_ROLLOUTS")
	if text == "" {
		return 50
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFiftyRolloutsInARow(t *testing.T) {
	s := running(t, web("1"), "1", "2")
	for i := range rollouts(t) {
		version := []string{"2", "1"}[i%2]
		s.write(web(version, fmt.Sprintf(`env: ROUND: "%d"`, i)))
		s.answers(version)
	}
	s.converge()
	s.finish()
}

func TestRollingWithThreeReplicas(t *testing.T) {
	s := running(t, web("1", "replicas: 3"), "1", "2")
	s.apply(web("2", "replicas: 3"))
	s.answers("2")
	s.finish()
}

func TestBlueGreenSwitchesOnce(t *testing.T) {
	more := []string{"replicas: 2", `rollout: strategy: "bluegreen"`}
	s := running(t, web("1", more...), "1", "2")
	before, err := s.status()
	if err != nil {
		t.Fatal(err)
	}
	s.apply(web("2", more...))
	s.answers("2")
	after, err := s.status()
	if err != nil {
		t.Fatal(err)
	}
	// One is the switch of all replicas, the other lets the warm ones go.
	if n := after.Gateway.Generation - before.Gateway.Generation; n != 2 {
		t.Errorf("%d configurations for one rollout", n)
	}
	s.finish()
}

func TestScaleUpAndDown(t *testing.T) {
	s := running(t, web("1"), "1")
	for _, n := range []int{4, 2, 1} {
		s.apply(web("1", fmt.Sprintf("replicas: %d", n)))
		if got := len(s.replicas("web")); got != n {
			t.Errorf("%d replicas run, want %d", got, n)
		}
	}
	s.finish()
}

// The first release is not ready at once: nobody who asks is sent to it before.
func TestAReplicaServesWhenItIsReady(t *testing.T) {
	s := running(t, web("1"), "1", "2")
	s.write(web("2", `env: READY: "1500ms"`))
	s.await("a replica that is not ready yet", func(st console.Status) bool {
		return len(service(st, "web").Replicas) == 2 && service(st, "web").Ready == 1
	})
	if last := s.streams[0].Report().Last(); last != "1" {
		t.Errorf("version %s answers before it is ready", last)
	}
	s.answers("2")
	s.finish()
}

func TestServicesStartInTheOrderOfTheirNeeds(t *testing.T) {
	s := newScenario(t)
	hello(t, "1")
	s.write(site(
		svc("web", "1", `needs: ["api"]`), svc("api", "1", `needs: ["store"]`, `env: READY: "500ms"`),
		svc("store", "1", `env: READY: "500ms"`), route("web.test", "web"),
	))
	s.start()
	s.await("web waits for its needs", func(st console.Status) bool {
		return len(service(st, "web").Waits) > 0 && len(service(st, "web").Replicas) == 0
	})
	s.converge()
	started := map[string]string{}
	for _, name := range []string{"store", "api", "web"} {
		started[name] = docker(t, "inspect", "--format", "{{.State.StartedAt}}", s.replicas(name)[0])
	}
	if !(started["store"] < started["api"] && started["api"] < started["web"]) {
		t.Errorf("started at %v", started)
	}
	s.load("web.test", "web", "1")
	s.answers("1")
	s.finish()
}
