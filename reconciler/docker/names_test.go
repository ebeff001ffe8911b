package docker_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A service's name leads to each of its replicas that runs, whether it listens yet or
// not, and to no one that has ended.
func TestNameOfAService(t *testing.T) {
	s := newSite(t)
	a := s.start()
	deaf := s.replica(service(func(w *spec.Service) { w.Command = []string{"deaf"} }), 1)
	s.do(s.Start(s.ctx, deaf))
	leadsTo := func(addrs ...netip.Addr) func() bool {
		return func() bool {
			_, found := get(t, a, "/find", "host", "web")
			var want []string
			for _, addr := range addrs {
				want = append(want, addr.String())
			}
			have := strings.Fields(strings.Trim(found, "[]"))
			slices.Sort(have)
			slices.Sort(want)
			return slices.Equal(have, want)
		}
	}
	wait(t, "the name leads to one that does not listen", leadsTo(a.Addr, deaf.Addr))
	s.do(s.Stop(s.ctx, plan.Stop{Name: deaf.Name, ID: deaf.Name}))
	wait(t, "the name does not lead to one that has ended", leadsTo(a.Addr))
}
