package contract

import (
	"net/netip"
	"strings"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// What is prepared is there and does not run, and is what a start takes.
func testPrepare(h *harness) {
	h.do(h.CreateNetwork(h.ctx, plan.CreateNetwork{}))
	a := h.replica("web", Serves, 0)
	for range 2 {
		h.do(h.Prepare(h.ctx, plan.Prepare{Start: a}))
	}
	made := h.observe(spec.Site{}).Containers[a.Name]
	if made.State != plan.Created || made.Fingerprint != a.Fingerprint || made.Addr != a.Addr || made.Drift != "" {
		h.t.Errorf("prepared, it is %+v", made)
	}
	h.do(h.Start(h.ctx, a))
	if c := h.until(a.Name, "runs", func(c plan.Container) bool { return c.State == plan.Running }); c.ID != made.ID {
		h.t.Errorf("started, it is %+v, and was %+v", c, made)
	}
	h.fails("a name that is taken", h.takenName(), false)
	h.fails("without its image", h.Prepare(h.ctx, plan.Prepare{Start: h.replica("other", NotThere, 2)}), false)
	if have := h.observe(spec.Site{}).Containers; len(have) != 1 {
		h.t.Errorf("observed %v, want one", have)
	}
}

func (h *harness) takenName() error {
	a := h.replica("taken", Serves, 1)
	h.TakeName(a.Name)
	return h.Prepare(h.ctx, plan.Prepare{Start: a})
}

// A host port has one holder. One that a replica of the site's has is no obstacle to what is
// prepared, since that one stops first; one that another program has is.
func testPublishedPorts(h *harness) {
	h.do(h.CreateNetwork(h.ctx, plan.CreateNetwork{}))
	at := h.Port()
	a, b := h.publishing("web", 0, at), h.publishing("other", 1, at)
	h.do(h.Start(h.ctx, a))
	c := h.until(a.Name, "runs", func(c plan.Container) bool { return c.State == plan.Running })
	h.do(h.Prepare(h.ctx, plan.Prepare{Start: b}))
	h.fails("a port that another replica has", h.Start(h.ctx, b), false)
	h.stop(c)
	h.do(h.Start(h.ctx, b))
	h.until(b.Name, "runs", func(c plan.Container) bool { return c.State == plan.Running })

	foreign := h.Port()
	h.Listen(foreign)
	d := h.publishing("third", 2, foreign)
	h.fails("a port that another program has", h.Prepare(h.ctx, plan.Prepare{Start: d}), false)
	h.fails("a port that another program has", h.Start(h.ctx, d), false)
	want := spec.Site{Services: map[string]spec.Service{"third": d.Release.Service, "other": b.Release.Service}}
	ports := h.observe(want).Ports
	claim := spec.Claim{Host: foreign, Protocol: "tcp"}
	if why := ports[claim.String()]; len(ports) != 1 || !strings.HasPrefix(why, claim.String()+" is taken by ") {
		h.t.Errorf("observed the ports %q, want that %s is taken", ports, claim)
	}
	if c, there := h.observe(spec.Site{}).Containers[d.Name]; there {
		h.t.Errorf("it is left: %+v", c)
	}
}

// publishing is a replica that publishes its port on the host.
func (h *harness) publishing(service string, slot int, at netip.AddrPort) plan.Start {
	a := h.replica(service, Serves, slot)
	a.Release.Service.Ports = map[string]spec.Port{"public": {Port: 9999, Protocol: "tcp", Host: at.String()}}
	a.Fingerprint = a.Release.Fingerprint("site")
	a.Name = plan.ContainerName(service, a.Fingerprint, slot)
	return a
}
