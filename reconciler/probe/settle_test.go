package probe_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/reconciler/probe"
	"havn.internal/spec"
)

// plain is a replica without any check, which has to run for a second.
func plain(name string) plan.Container {
	return plan.Container{
		ID: name, Name: name, State: plan.Running, StartedAt: time.Now(),
		Release: spec.Release{Service: spec.Service{Health: spec.Health{
			Kind: spec.HealthAuto, Interval: spec.Duration(2 * time.Second), Timeout: spec.Duration(2 * time.Second),
			Successes: 1, Failures: 3, Settle: spec.Duration(time.Second),
		}}},
	}
}

func TestReplicaWithoutACheckSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var woken atomic.Int32
		p := probe.New(func() { woken.Add(1) })
		defer p.Close()
		begin := time.Now()
		c := plain("web")
		p.Watch([]plan.Container{c})
		time.Sleep(900 * time.Millisecond)
		synctest.Wait()
		if h, probed := p.Health("web"); !probed || h.Ready || h.Unhealthy || woken.Load() != 0 {
			t.Errorf("before it has settled it is %+v, woken %d times", h, woken.Load())
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		h, _ := p.Health("web")
		if !h.Ready || woken.Load() != 1 || h.Since.Sub(begin) > time.Second+time.Second/20 {
			t.Errorf("after it has settled it is %+v, ready after %s, woken %d times", h, h.Since.Sub(begin), woken.Load())
		}
		// Being asked again changes nothing, another run starts over.
		p.Watch([]plan.Container{c})
		synctest.Wait()
		if again, _ := p.Health("web"); again != h {
			t.Errorf("it was %+v and is %+v", h, again)
		}
		c.StartedAt = time.Now()
		p.Watch([]plan.Container{c})
		synctest.Wait()
		if again, _ := p.Health("web"); again.Ready {
			t.Error("a replica that was restarted is still ready")
		}
	})
}

func TestOnlyReplicasThatRunAreProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(func() {})
		defer p.Close()
		for _, state := range []plan.State{plan.Created, plan.Restarting, plan.Paused, plan.Exited, plan.Dead, plan.Removing} {
			c := plain("web")
			p.Watch([]plan.Container{c})
			c.State = state
			p.Watch([]plan.Container{c})
			if h, probed := p.Health("web"); probed {
				t.Errorf("one that is %s has the health %+v", state, h)
			}
		}
	})
}

// A change of the check takes effect, and moves no traffic by itself.
func TestChangedCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var woken atomic.Int32
		p := probe.New(func() { woken.Add(1) })
		defer p.Close()
		c := plain("web")
		p.Watch([]plan.Container{c})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		before, _ := p.Health("web")
		c.Release.Service.Health.Settle = spec.Duration(time.Minute)
		c.Release.Service.Health.Interval = spec.Duration(time.Second)
		p.Watch([]plan.Container{c})
		if now, _ := p.Health("web"); now != before || !now.Ready {
			t.Errorf("a change of the check made %+v of %+v", now, before)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if now, _ := p.Health("web"); now.Ready || !now.Unhealthy || woken.Load() != 2 {
			t.Errorf("by the new check it is %+v, woken %d times", now, woken.Load())
		}
	})
}

func TestManyReplicasAndNothingLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	p := probe.New(func() {})
	var all []plan.Container
	for i := range 200 {
		c := plain("web-" + string(rune('a'+i)))
		c.Release.Service.Health.Settle = 0
		all = append(all, c)
	}
	p.Watch(all)
	for deadline := time.Now().Add(2 * time.Minute); ; {
		ready := 0
		for _, c := range all {
			if h, _ := p.Health(c.Name); h.Ready {
				ready++
			}
		}
		if ready == len(all) {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%d of %d replicas are ready", ready, len(all))
		}
		runtime.Gosched()
	}
	p.Watch(nil)
	p.Close()
	p.Watch(all)
	for deadline := time.Now().Add(2 * time.Minute); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}
