package docker_test

import (
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/docker/docker/api/types/container"

	"havn.internal/reconciler/contract"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A host is a site for the contract suite.
type host struct{ *site }

func TestContract(t *testing.T) {
	contract.Engine(t, func(t *testing.T) contract.Host {
		s := newSite(t)
		s.watch()
		return host{s}
	})
}

func (h host) Release(name string, b contract.Behaviour) spec.Release {
	s := service(func(w *spec.Service) { w.Name = name })
	r := spec.Release{Service: s, ImageID: replicaID}
	switch b {
	case contract.Crashes:
		r.Service.Command = []string{"exit", "1"}
	case contract.CantStart:
		r.Service.User = "nobody-knows"
	case contract.NotThere:
		r.Service.Image, r.ImageID = freeAddr()+"/none:1", "sha256:"+sha256Hex("none")
	}
	return r
}

func (h host) Fixed() netip.Prefix { return netip.PrefixFrom(h.config.Subnet.Addr(), 25) }

func (h host) Await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	wait(t, what, ok)
}

func (h host) Kill(name string) {
	h.do(syscall.Kill(inspect(h.t, name).State.Pid, syscall.SIGKILL))
}

func (h host) RemoveByHand(name string) { remove(h.t, name) }

func (h host) StopByHand(name string) {
	h.do(api.ContainerStop(h.ctx, name, container.StopOptions{}))
}

func (h host) PauseByHand(name string) { h.do(api.ContainerPause(h.ctx, name)) }

func (h host) Disconnect(name string) {
	h.do(api.NetworkDisconnect(h.ctx, h.config.Site, name, true))
}

func (h host) TakeName(name string) { h.foreign(name, h.Fixed().Addr().Next().Next()) }

func (h host) Forge(a plan.Start) { h.forge(a, nil) }

func (h host) Port() netip.AddrPort { return netip.MustParseAddrPort(freeAddr()) }

func (h host) Listen(at netip.AddrPort) {
	l, err := net.Listen("tcp", at.String())
	h.do(err)
	h.t.Cleanup(func() { _ = l.Close() })
}
