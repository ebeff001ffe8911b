package contract

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A Behaviour is how the replicas of a release behave.
type Behaviour int

const (
	// Serves runs until it is stopped, and ends then within a second.
	Serves Behaviour = iota
	// Crashes exits with code 1 soon after each start.
	Crashes
	// CantStart is refused by the engine.
	CantStart
	// NotThere is of an image that is not on the host.
	NotThere
)

// A Host is an engine to be tested, with an empty site on it.
type Host interface {
	apply.Runtime
	Observe(ctx context.Context, want spec.Site) (plan.Observed, error)

	// Release is a release of a service that behaves so.
	Release(service string, b Behaviour) spec.Release
	// Fixed is the part of the subnet that addresses are given from.
	Fixed() netip.Prefix
	// Await returns when ok does, and fails the test if it never will.
	Await(t *testing.T, what string, ok func() bool)

	// What people and the world do.
	Kill(name string)
	RemoveByHand(name string)
	StopByHand(name string)
	PauseByHand(name string)
	Disconnect(name string)
	TakeName(name string)
	// Forge runs a container that by its name and labels is the replica that a starts.
	Forge(a plan.Start)
	// Port is a free port of the host's loopback; Listen has a program that is not havn's
	// listen on one, until the test ends.
	Port() netip.AddrPort
	Listen(at netip.AddrPort)
}

// Engine tests the engine of the hosts that newHost makes, one for each test.
func Engine(t *testing.T, newHost func(t *testing.T) Host) {
	for _, c := range []struct {
		name string
		test func(*harness)
	}{
		{"network and volumes", testSurroundings},
		{"images", testImages},
		{"images that go", testImagesThatGo},
		{"start", testStart},
		{"start what can't", testStartWhatCannot},
		{"start over somebody else", testStartOverSomebody},
		{"start over a forgery", testForgery},
		{"prepare", testPrepare},
		{"published ports", testPublishedPorts},
		{"stop and start again", testStopAndStart},
		{"remove", testRemove},
		{"crash", testCrash},
		{"kill", testKill},
		{"by hand", testByHand},
		{"drift", testDrift},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(&harness{newHost(t), t, t.Context()}) })
	}
}

// A harness is one test on one host.
type harness struct {
	Host
	t   *testing.T
	ctx context.Context
}

func (h *harness) do(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// fails wants an act to fail, for the release's fault or not.
func (h *harness) fails(what string, err error, release bool) {
	h.t.Helper()
	if err == nil {
		h.t.Errorf("%s: no error", what)
	} else if errors.Is(err, apply.ErrRelease) != release {
		h.t.Errorf("%s: %v: held against the release is %v, want %v", what, err, !release, release)
	}
}

func (h *harness) observe(want spec.Site) plan.Observed {
	h.t.Helper()
	have, err := h.Observe(h.ctx, want)
	h.do(err)
	return have
}

// replica is the start of a replica of a service that behaves so.
func (h *harness) replica(service string, b Behaviour, slot int) plan.Start {
	r := h.Release(service, b)
	f := r.Fingerprint("site")
	addr := h.Fixed().Addr().As4()
	addr[3] += byte(10 + slot)
	return plan.Start{
		Name: plan.ContainerName(service, f, slot), Slot: slot, Fingerprint: f, Release: r,
		Revision: "rev1", Addr: netip.AddrFrom4(addr),
	}
}

// running starts a replica on a network.
func (h *harness) running(b Behaviour) (plan.Start, plan.Container) {
	h.t.Helper()
	h.do(h.CreateNetwork(h.ctx, plan.CreateNetwork{}))
	a := h.replica("web", b, 0)
	h.do(h.Start(h.ctx, a))
	return a, h.until(a.Name, "is there", func(c plan.Container) bool { return c.State != plan.Created })
}

func (h *harness) until(name, what string, ok func(plan.Container) bool) plan.Container {
	h.t.Helper()
	var c plan.Container
	h.Await(h.t, name+" "+what, func() bool {
		var there bool
		c, there = h.observe(spec.Site{}).Containers[name]
		return there && ok(c)
	})
	return c
}

func (h *harness) stop(c plan.Container) {
	h.t.Helper()
	h.do(h.Stop(h.ctx, plan.Stop{Name: c.Name, ID: c.ID, Signal: "SIGTERM", Grace: 0}))
}

// absent wants no replica to be there.
func (h *harness) absent(what string) {
	h.t.Helper()
	if have := h.observe(spec.Site{}).Containers; len(have) != 0 {
		h.t.Errorf("%s: observed %v, want nothing", what, have)
	}
}
