package model_test

import (
	"net/netip"
	"testing"
	"time"

	"havn.internal/reconciler/contract"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
)

// A router is a model's gateway for the contract suite.
type router struct {
	model.Gateway
	host
}

func TestGatewayContract(t *testing.T) {
	contract.Gateway(t, func(t *testing.T) contract.Router {
		clock := model.NewTimeline(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		h := model.New("site", fixed, clock)
		h.Reject = func(l plan.Location) string {
			if l.Target.Options.Upstream.Keepalive > 10_000 {
				return "too many"
			}
			return ""
		}
		return router{h.Gateway(), host{h.Engine(), h, clock}}
	})
}

func (r router) Servers() (out [3]netip.AddrPort) {
	at := fixed.Addr()
	for i := range out {
		at = at.Next()
		out[i] = netip.AddrPortFrom(at, 8080)
	}
	return out
}

func (r router) Refuse(l plan.Location) plan.Location {
	l.Target.Options.Upstream.Keepalive = 1 << 40
	return l
}

func (r router) KillNginx() { r.KillGateway(time.Second) }

func (r router) Restart() { r.Restarted() }

func (r router) Hold(string) { r.host.Hold(netip.Addr{}, time.Hour) }

func (r router) Occupy() (free func()) {
	r.OccupyPort("somebody")
	return func() { r.OccupyPort("") }
}
