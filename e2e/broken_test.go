//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"havn.internal/reconciler/console"
	"havn.internal/reconciler/plan"
)

// rolledBack waits until a service is back at its last good release.
func (s *scenario) rolledBack(name string) console.Service {
	s.t.Helper()
	st := s.await(name+" rolled back", func(st console.Status) bool {
		one := service(st, name)
		return one.Phase == plan.RolledBack && one.Ready == one.Wanted && one.Routed == one.Wanted
	})
	return service(st, name)
}

func TestAReleaseThatNeverGetsReadyServesNobody(t *testing.T) {
	s := running(t, web("1", "replicas: 2"), "1")
	s.streamsAllow("1")
	hello(t, "2", "3")
	s.write(web("2", "replicas: 2", `env: READY: "never"`, `rollout: healthyDeadline: "2s"`))
	one := s.rolledBack("web")
	if len(one.Blocked) == 0 || !strings.Contains(one.Blocked[0], "not ready within 2s") {
		t.Errorf("blocked: %q", one.Blocked)
	}
	s.stop()
	s.start() // the verdict holds: the release gets no other try
	if now := s.rolledBack("web"); now.Release != one.Release {
		t.Errorf("after a restart release %s, before it %s", now.Release, one.Release)
	}
	s.write(web("3", "replicas: 2"))
	s.streamsAllow("1", "3")
	s.answers("3")
	s.finish()
}

func TestAReleaseOnTheWrongPortServesNobody(t *testing.T) {
	s := running(t, web("1"), "1")
	hello(t, "2", "3")
	s.write(web("2", `env: PORT: "9999"`, `rollout: healthyDeadline: "2s"`))
	s.rolledBack("web")
	s.streamsAllow("1", "3")
	s.apply(web("3"))
	s.answers("3")
	s.finish()
}

// undone rolls out a release that misbehaves after the switch, and then a good one.
func (s *scenario) undone(misbehaviour string) {
	s.t.Helper()
	hello(s.t, "2", "3")
	s.streamsAllow("1", "2", "3")
	s.write(web("2", watched, misbehaviour))
	s.rolledBack("web")
	s.answers("1")
	s.apply(web("3"))
	s.answers("3")
	s.finish()
}

// watched is for longer than the misbehaviour takes to begin.
const watched = `rollout: watch: "5s"`

// The release ends after the switch, as one does that runs into a bug with the
// first real requests. It takes along what it was answering just then; what comes
// after goes to the warm replica, at once and without havn.
func TestAReleaseThatDiesAfterTheSwitchIsUndone(t *testing.T) {
	s := running(t, web("1", watched), "1")
	s.mayLose = 8 // what is under way at one moment, of all streams
	s.undone(`env: DIE_ROUTED: "300ms"`)
}

func TestAReleaseThatTurnsUnhealthyIsUndone(t *testing.T) {
	running(t, web("1", watched), "1").undone(`env: FLIP: "1500ms"`)
}

func TestAnInvalidSpecChangesNothing(t *testing.T) {
	s := running(t, web("1"), "1", "2")
	before := s.containers()
	for _, text := range []string{web("2", "replica: 2"), "services: web: {", `services: web: {image: "havn-hello:2", port: 99999}`} {
		s.write(text)
		s.await("the problem is told", func(st console.Status) bool {
			return st.Revision.Attempted == s.revision() && st.Revision.Problem != "" && !st.Converged
		})
	}
	s.unchanged("an invalid spec", before)
	s.apply(web("2"))
	s.answers("2")
	s.finish()
}

// A spec that names nothing any more is more likely an accident than a wish.
func TestAnEmptySpecRemovesNothing(t *testing.T) {
	s := running(t, web("1"), "1")
	before := s.containers()
	s.write("")
	s.await("the removal is held", func(st console.Status) bool { return len(st.Blocked) > 0 })
	s.stop()
	s.start()
	s.await("the removal is held after a restart", func(st console.Status) bool { return len(st.Blocked) > 0 })
	s.unchanged("an empty spec", before)
	s.apply(web("1"))
	s.finish()
}
