package contract

import (
	"reflect"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A replica that was started runs at its address and says who it is; to start it
// again changes nothing.
func testStart(h *harness) {
	a, first := h.running(Serves)
	first = h.until(a.Name, "runs", func(c plan.Container) bool { return c.State == plan.Running })
	switch {
	case first.ID == "" || first.Name != a.Name || first.Service != "web" || first.Fingerprint != a.Fingerprint:
		h.t.Errorf("observed %+v", first)
	case first.Slot != a.Slot || first.Addr != a.Addr || first.Revision != a.Revision:
		h.t.Errorf("observed %+v", first)
	case first.Restarts != 0 || first.OOM || first.Drift != "" || first.StartedAt.IsZero() || first.CreatedAt.IsZero():
		h.t.Errorf("observed %+v", first)
	case !reflect.DeepEqual(first.Release, a.Release.Stored()):
		h.t.Errorf("its release is %+v, want %+v", first.Release, a.Release.Stored())
	}
	h.do(h.Start(h.ctx, a))
	again := h.observe(spec.Site{}).Containers[a.Name]
	if again.ID != first.ID || !again.StartedAt.Equal(first.StartedAt) || again.State != plan.Running {
		h.t.Errorf("a second start made %+v of %+v", again, first)
	}
	if have := h.observe(spec.Site{}); len(have.Containers) != 1 || len(have.Network.Taken) != 0 {
		h.t.Errorf("observed %v and taken addresses %v", have.Containers, have.Network.Taken)
	}
}

// A start that fails leaves nothing behind, and is held against the release only
// if the fault lies there.
func testStartWhatCannot(h *harness) {
	h.fails("without a network", h.Start(h.ctx, h.replica("web", Serves, 0)), false)
	h.absent("without a network")
	h.do(h.CreateNetwork(h.ctx, plan.CreateNetwork{}))
	for range 2 {
		h.fails("a release that can't start", h.Start(h.ctx, h.replica("web", CantStart, 0)), true)
		h.absent("a release that can't start")
	}
	h.fails("without its image", h.Start(h.ctx, h.replica("web", NotThere, 0)), false)
	h.absent("without its image")
	a := h.replica("web", Serves, 0)
	h.do(h.Start(h.ctx, a))
	b := h.replica("web", Serves, 1)
	b.Addr = a.Addr
	h.fails("an address that another replica has", h.Start(h.ctx, b), false)
	have := h.observe(spec.Site{}).Containers
	if _, there := have[b.Name]; there || len(have) != 1 {
		h.t.Errorf("observed %v, want %s only", have, a.Name)
	}
}

// A name that somebody else has is theirs.
func testStartOverSomebody(h *harness) {
	h.do(h.CreateNetwork(h.ctx, plan.CreateNetwork{}))
	a := h.replica("web", Serves, 0)
	h.TakeName(a.Name)
	h.fails("a name that is taken", h.Start(h.ctx, a), false)
	have := h.observe(spec.Site{})
	if len(have.Containers) != 0 || have.Taken[a.Name] == "" {
		h.t.Errorf("observed %v, taken %v", have.Containers, have.Taken)
	}
	if len(have.Strangers) != 1 || have.Strangers[a.Name] == "" {
		h.t.Errorf("it is on the site's network, and named are %v", have.Strangers)
	}
}

// Labels make no replica: what havn did not make is named, is no replica of the site, and
// is neither started nor stopped by it.
func testForgery(h *harness) {
	h.do(h.CreateNetwork(h.ctx, plan.CreateNetwork{}))
	mine, forged := h.replica("web", Serves, 0), h.replica("web", Serves, 1)
	h.do(h.Start(h.ctx, mine))
	h.Forge(forged)
	h.fails("a name that a forgery has", h.Start(h.ctx, forged), false)
	have := h.observe(spec.Site{})
	if _, ours := have.Containers[mine.Name]; !ours || len(have.Containers) != 1 || have.Taken[forged.Name] == "" {
		h.t.Errorf("observed %v, taken %v", have.Containers, have.Taken)
	}
	if len(have.Strangers) != 1 || have.Strangers[forged.Name] == "" || !have.Network.Taken[forged.Addr] {
		h.t.Errorf("named are %v, and taken addresses %v", have.Strangers, have.Network.Taken)
	}
}

// A replica that is stopped stays so, and comes back as the same container at the
// same address.
func testStopAndStart(h *harness) {
	a, first := h.running(Serves)
	for range 2 {
		h.stop(first)
		if c := h.observe(spec.Site{}).Containers[a.Name]; c.State != plan.Exited || c.ID != first.ID || c.Addr != a.Addr || c.Drift != "" {
			h.t.Errorf("stopped, it is %+v", c)
		}
	}
	h.do(h.Start(h.ctx, a))
	c := h.until(a.Name, "runs again", func(c plan.Container) bool { return c.State == plan.Running })
	if c.ID != first.ID || c.Addr != a.Addr || c.Restarts != 0 || !c.StartedAt.After(first.StartedAt) || !c.CreatedAt.Equal(first.CreatedAt) {
		h.t.Errorf("started again, it is %+v, and was %+v", c, first)
	}
}

// What runs is not removed; what is gone is no error.
func testRemove(h *harness) {
	a, c := h.running(Serves)
	h.until(a.Name, "runs", func(c plan.Container) bool { return c.State == plan.Running })
	remove := plan.Remove{Name: c.Name, ID: c.ID}
	h.fails("to remove what runs", h.Remove(h.ctx, remove), false)
	h.stop(c)
	for range 2 {
		h.do(h.Remove(h.ctx, remove))
		h.absent("removed")
	}
	h.stop(c)
	h.do(h.Start(h.ctx, a))
	next := h.until(a.Name, "is there again", func(c plan.Container) bool { return c.State == plan.Running })
	if next.ID == c.ID {
		h.t.Errorf("a container that was removed is back with its ID %s", c.ID)
	}
}
