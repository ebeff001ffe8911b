package contract

import (
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// The engine restarts what crashes, at the same address, and counts.
func testCrash(h *harness) {
	a, first := h.running(Crashes)
	c := h.until(a.Name, "crashes", func(c plan.Container) bool { return c.Restarts >= 3 && c.ExitCode == 1 })
	if c.ID != first.ID || c.Addr != a.Addr || c.OOM || c.State != plan.Running && c.State != plan.Restarting {
		h.t.Errorf("observed %+v", c)
	}
	waiting := h.until(a.Name, "waits for its restart", func(c plan.Container) bool { return c.State == plan.Restarting })
	if waiting.ExitCode != 1 {
		h.t.Errorf("observed %+v, want exit code 1", waiting)
	}
	// One that waits for its restart can be stopped, and does not come back.
	h.stop(c)
	c = h.observe(spec.Site{}).Containers[a.Name]
	if c.State != plan.Exited {
		h.t.Errorf("stopped between two runs, it is %+v", c)
	}
	h.do(h.Remove(h.ctx, plan.Remove{Name: c.Name, ID: c.ID}))
}

// A process that is killed is a crash, and the next run is another one.
func testKill(h *harness) {
	a, first := h.running(Serves)
	first = h.until(a.Name, "runs", func(c plan.Container) bool { return c.State == plan.Running })
	h.Kill(a.Name)
	c := h.until(a.Name, "runs again", func(c plan.Container) bool { return c.State == plan.Running && c.Restarts == 1 && c.ExitCode == 137 })
	if c.ID != first.ID || c.Addr != a.Addr || !c.StartedAt.After(first.StartedAt) || c.Drift != "" {
		h.t.Errorf("observed %+v, and before %+v", c, first)
	}
}

// What people stop stays stopped, and what they remove is gone.
func testByHand(h *harness) {
	a, first := h.running(Serves)
	h.until(a.Name, "runs", func(c plan.Container) bool { return c.State == plan.Running })
	h.StopByHand(a.Name)
	if c := h.until(a.Name, "is stopped", func(c plan.Container) bool { return c.State == plan.Exited }); c.ID != first.ID {
		h.t.Errorf("observed %+v", c)
	}
	h.do(h.Start(h.ctx, a))
	h.until(a.Name, "runs", func(c plan.Container) bool { return c.State == plan.Running })
	h.RemoveByHand(a.Name)
	h.absent("removed by hand")
	h.do(h.Start(h.ctx, a))
	h.until(a.Name, "runs", func(c plan.Container) bool { return c.State == plan.Running && c.Addr == a.Addr })
}

// What people change on a container that runs is seen, and keeps nobody from
// ending it.
func testDrift(h *harness) {
	h.do(h.CreateNetwork(h.ctx, plan.CreateNetwork{}))
	for slot, c := range []struct {
		change func(name string)
		state  plan.State
	}{{h.PauseByHand, plan.Paused}, {h.Disconnect, plan.Running}} {
		a := h.replica("web", Serves, slot)
		h.do(h.Start(h.ctx, a))
		h.until(a.Name, "runs", func(c plan.Container) bool { return c.State == plan.Running && c.Drift == "" })
		c.change(a.Name)
		have := h.until(a.Name, "has drifted", func(c plan.Container) bool { return c.Drift != "" })
		if have.State != c.state {
			h.t.Errorf("observed %+v, want it %s", have, c.state)
		}
		h.stop(have)
		if have = h.observe(spec.Site{}).Containers[a.Name]; have.State != plan.Exited {
			h.t.Errorf("stopped, it is %+v", have)
		}
		h.do(h.Remove(h.ctx, plan.Remove{Name: have.Name, ID: have.ID}))
	}
}
