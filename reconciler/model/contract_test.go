package model_test

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"havn.internal/reconciler/contract"
	"havn.internal/reconciler/model"
	"havn.internal/spec"
)

// A host is a model for the contract suite.
type host struct {
	model.Engine
	*model.Host
	clock *model.Timeline
}

var fixed = netip.MustParsePrefix("10.202.0.0/25")

func TestContract(t *testing.T) {
	contract.Engine(t, func(t *testing.T) contract.Host {
		clock := model.NewTimeline(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		h := model.New("site", fixed, clock)
		for ref, b := range map[string]model.Behaviour{
			"serves:1":  model.Usual,
			"crashes:1": {Start: 100 * time.Millisecond, Ready: model.Never, Crash: 50 * time.Millisecond},
			"cant:1":    {CantStart: "no such user"},
		} {
			h.Load(ref, "sha256:"+ref)
			h.Behave(ref, b)
		}
		return host{h.Engine(), h, clock}
	})
}

func (h host) Release(name string, b contract.Behaviour) spec.Release {
	ref := map[contract.Behaviour]string{
		contract.Serves: "serves:1", contract.Crashes: "crashes:1", contract.CantStart: "cant:1", contract.NotThere: "none:1",
	}[b]
	return spec.Release{Service: spec.Service{Name: name, Image: ref}, ImageID: "sha256:" + ref}
}

func (h host) Fixed() netip.Prefix { return fixed }

func (h host) Await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 10_000 {
		if ok() {
			return
		}
		if err := h.clock.Sleep(context.Background(), 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("it never is so that %s", what)
}

func (h host) TakeName(name string) {
	h.Host.TakeName(name, "a container of somebody", fixed.Addr().Next().Next())
}

var ports atomic.Uint32

func (h host) Port() netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(20000+ports.Add(1)))
}

func (h host) Listen(at netip.AddrPort) { h.Host.Listen(at, "a program") }
