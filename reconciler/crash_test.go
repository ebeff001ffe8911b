package reconciler

import (
	"fmt"
	"testing"
	"time"

	"havn.internal/reconciler/model"
	"havn.internal/spec"
)

// TestCrashes ends havn at each call it makes in some rollouts, before it, amid it
// and after it, and once more at each call after that; the oracle watches, and the
// host has to converge.
func TestCrashes(t *testing.T) {
	for name, r := range rollouts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := r.calls(t)
			if calls < 5 {
				t.Fatalf("the rollout makes %d calls", calls)
			}
			for first := 1; first <= calls; first++ {
				for _, how := range []model.Crash{model.CrashBefore, model.CrashMid, model.CrashAfter} {
					r.play(t, map[int]model.Crash{first: how})
					for second := first + 1; second <= first+calls; second++ {
						r.play(t, map[int]model.Crash{first: how, second: model.CrashMid})
					}
				}
			}
		})
	}
}

// A rollout goes from one site to another.
type rollout struct{ from, to spec.Site }

var rollouts = map[string]rollout{
	"one":       {site("r1", service("web", "web:1", 1)), site("r2", service("web", "web:2", 1))},
	"two":       {site("r1", service("web", "web:1", 2)), site("r2", service("web", "web:2", 2))},
	"bluegreen": {site("r1", strategy(spec.BlueGreen, "web:1", 2)), site("r2", strategy(spec.BlueGreen, "web:2", 2))},
	"recreate":  {site("r1", strategy(spec.Recreate, "web:1", 1)), site("r2", strategy(spec.Recreate, "web:2", 1))},
	"removal":   {site("r1", service("web", "web:1", 1), service("old", "web:1", 1)), site("r2", service("web", "web:2", 1))},
	"bad":       {site("r1", service("web", "web:1", 2)), site("r2", service("web", "bad:1", 2))},
	"reverted":  {site("r1", service("web", "web:1", 2)), site("r2", service("web", "slow:1", 2))},
}

func strategy(s spec.Strategy, image string, replicas int) spec.Service {
	out := service("web", image, replicas)
	out.Rollout.Strategy, out.Rollout.Surge = s, replicas
	if s == spec.Recreate {
		out.Rollout.Surge = 0
	}
	return out
}

// ready is a rig that has converged to where the rollout begins. Its calls that
// change something are counted from there, and crash as told.
func (r rollout) ready(t *testing.T, name string, crashes map[int]model.Crash) (*rig, *oracle, *int) {
	g := newRig()
	for _, ref := range []string{"web:1", "web:2", "bad:1", "slow:1"} {
		g.host.Push(ref, "sha256:"+ref, time.Second)
	}
	g.host.Behave("bad:1", model.Behaviour{Start: 300 * time.Millisecond, Ready: time.Second, SickRouted: 3 * time.Second})
	g.host.Behave("slow:1", model.Behaviour{Start: 2 * time.Second, Ready: 4 * time.Second, Stop: 3 * time.Second})
	o := watch(labelled{t, name}, g)
	g.deliver(r.from)
	if !g.settle(bound) {
		t.Fatal("not settled at first")
	}
	n := new(int)
	g.host.Faults = func(c model.Call) model.Fault {
		if c.Op == "observe" {
			return model.Fault{}
		}
		*n++
		return model.Fault{Crash: crashes[*n]}
	}
	g.deliver(r.to)
	return g, o, n
}

func (r rollout) calls(t *testing.T) int {
	_, o, n := r.ready(t, "no crash", nil)
	o.converges()
	return *n
}

func (r rollout) play(t *testing.T, crashes map[int]model.Crash) {
	g, o, _ := r.ready(t, fmt.Sprintf("crashes %v", crashes), crashes)
	if r.to.Services["web"].Image == "slow:1" {
		g.run(5 * time.Second)
		back := cloneSite(r.from)
		back.Revision = "r3"
		g.deliver(back)
	}
	o.converges()
}

// labelled says which of many runs failed.
type labelled struct {
	*testing.T
	name string
}

func (l labelled) Fatalf(format string, args ...any) {
	l.T.Helper()
	l.T.Fatalf(l.name+": "+format, args...)
}
