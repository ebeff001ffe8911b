//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"havn.internal/reconciler/console"
)

// havn is killed at any moment of a rollout and started again, ten times.
func TestHavnKilledInTheMiddleOfRollouts(t *testing.T) {
	s := running(t, web("1", "replicas: 2"), "1", "2")
	for i := range 10 {
		version := []string{"2", "1"}[i%2]
		s.write(web(version, "replicas: 2", fmt.Sprintf(`env: ROUND: "%d"`, i)))
		<-time.After(time.Duration(rand.IntN(1500)) * time.Millisecond) // the moment is the input
		s.crash()
		begin := time.Now()
		s.start()
		s.converge()
		t.Logf("round %d: converged %s after the restart", i, time.Since(begin).Round(time.Millisecond))
	}
	s.answers("1")
	s.finish()
}

// havn is killed while it undoes a bad release, and goes on undoing it.
func TestHavnKilledWhileARollbackIsUnderWay(t *testing.T) {
	s := running(t, web("1", "replicas: 2"), "1")
	hello(t, "2", "3")
	s.write(web("2", "replicas: 2", `env: READY: "never"`, `rollout: healthyDeadline: "2s"`))
	for range 4 {
		<-time.After(time.Duration(rand.IntN(1000)) * time.Millisecond) // the moment is the input
		s.crash()
		s.start()
	}
	s.rolledBack("web")
	s.streamsAllow("1", "3")
	s.apply(web("3", "replicas: 2"))
	s.answers("3")
	s.finish()
}

// Without havn the site is served on, and what changed meanwhile is caught up with.
func TestTheSiteIsServedWithoutHavn(t *testing.T) {
	s := running(t, web("1", "replicas: 2"), "1", "2")
	s.stop()
	s.write(web("2", "replicas: 2"))
	docker(t, "restart", "--time", "5", s.replicas("web")[0])
	s.comeFrom("web.test", "web")
	s.start()
	s.await("converged to what was written meanwhile", func(st console.Status) bool { return st.Converged })
	s.answers("2")
	s.mayLose = 10 // in flight on the replica that was restarted by hand
	s.finish()
}
