package snapshot

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Bounds of a host. The planner takes what it is given to be a host that exists;
// beyond these it would take memory and time for one that does not.
const (
	mostObjects   = 20_000
	mostReplicas  = 1000 // of a service, as in the schema
	mostBits      = 30
	fewestBits    = 9
	longestMoment = 1000 * 24 * time.Hour
)

// check refuses what no havn writes.
func (s Snapshot) check() error {
	if s.Site == "" || s.At.Year() < 2020 || s.At.Year() > 2200 {
		return fmt.Errorf("site %.40q at %s", s.Site, s.At)
	}
	if n := len(s.Containers) + len(s.Releases) + len(s.Verdicts) + len(s.Taken) + len(s.Network.Taken) + len(s.Nginx.Locations) + len(s.Nginx.Own); n > mostObjects {
		return fmt.Errorf("%d objects, at most %d", n, mostObjects)
	}
	if f := s.Network.Fixed; !f.Addr().Is4() || f.Bits() < fewestBits || f.Bits() > mostBits || f != f.Masked() {
		return fmt.Errorf("addresses in %s", f)
	}
	for i, r := range s.Releases {
		if err := r.check(); err != nil {
			return fmt.Errorf("release %d: %w", i, err)
		}
	}
	names := map[string]bool{}
	for _, c := range s.Containers {
		if err := s.checkContainer(c); err != nil {
			return fmt.Errorf("container %.80q: %w", c.Name, err)
		}
		if names[c.Name] {
			return fmt.Errorf("container %.80q is there twice", c.Name)
		}
		names[c.Name] = true
	}
	for service, i := range s.Good {
		if i < 0 || i >= len(s.Releases) || s.Releases[i].Service.Name != service {
			return fmt.Errorf("service %.40q has release %d", service, i)
		}
	}
	return s.Nginx.check()
}

func (r Release) check() error {
	v := r.Service
	ranges := []struct {
		what           string
		have, from, to int64
	}{
		{"replicas", int64(v.Replicas), 0, mostReplicas},
		{"surge", int64(v.Rollout.Surge), 0, mostReplicas},
		{"port", int64(v.Port), 0, 65535},
		{"health.failures", int64(v.Health.Failures), 0, 1000},
		{"health.successes", int64(v.Health.Successes), 0, 1000},
		{"health.interval", int64(v.Health.Interval), 0, int64(longestMoment)},
		{"health.startPeriod", int64(v.Health.StartPeriod), 0, int64(longestMoment)},
		{"health.settle", int64(v.Health.Settle), 0, int64(longestMoment)},
		{"rollout.watch", int64(v.Rollout.Watch), 0, int64(longestMoment)},
		{"rollout.drain", int64(v.Rollout.Drain), 0, int64(longestMoment)},
		{"rollout.pullDeadline", int64(v.Rollout.PullDeadline), 0, int64(longestMoment)},
		{"rollout.healthyDeadline", int64(v.Rollout.HealthyDeadline), 0, int64(longestMoment)},
		{"rollout.progressDeadline", int64(v.Rollout.ProgressDeadline), 0, int64(longestMoment)},
		{"stop.grace", int64(v.Stop.Grace), 0, int64(longestMoment)},
	}
	for _, x := range ranges {
		if x.have < x.from || x.have > x.to {
			return fmt.Errorf("%s is %d", x.what, x.have)
		}
	}
	for name, p := range v.Ports {
		if p.Port < 0 || p.Port > 65535 {
			return fmt.Errorf("port %.40q is %d", name, p.Port)
		}
	}
	switch v.Rollout.Strategy {
	case spec.Rolling, spec.BlueGreen, spec.Recreate:
	default:
		return fmt.Errorf("strategy %.40q", v.Rollout.Strategy)
	}
	return checkFingerprint(r.Fingerprint)
}

func checkFingerprint(f spec.Fingerprint) error {
	if len(f) != 8 || strings.Trim(string(f), "0123456789abcdef") != "" {
		return fmt.Errorf("fingerprint %.40q", f)
	}
	return nil
}

func (s Snapshot) checkContainer(c Container) error {
	switch c.State {
	case plan.Created, plan.Running, plan.Restarting, plan.Paused, plan.Exited, plan.Dead, plan.Removing:
	default:
		return fmt.Errorf("state %.40q", c.State)
	}
	switch {
	case c.Release < 0 || c.Release >= len(s.Releases):
		return fmt.Errorf("release %d", c.Release)
	case s.Releases[c.Release].Service.Name != c.Service || s.Releases[c.Release].Fingerprint != c.Fingerprint:
		return fmt.Errorf("release %d is another's", c.Release)
	case c.Name != plan.ContainerName(c.Service, c.Fingerprint, c.Slot):
		return fmt.Errorf("slot %d of %.40q", c.Slot, c.Service)
	case c.Slot < 0 || c.Slot > mostObjects:
		return fmt.Errorf("slot %d", c.Slot)
	case !c.Addr.Is4():
		return fmt.Errorf("address %s", c.Addr)
	}
	return nil
}

func (n Nginx) check() error {
	valid := func(addresses ...netip.AddrPort) bool {
		for _, a := range addresses {
			if !a.IsValid() || !a.Addr().Is4() {
				return false
			}
		}
		return true
	}
	for _, l := range slices.Concat(n.Locations, n.Own) {
		if l.Host == "" || !strings.HasPrefix(l.Path, "/") || !valid(l.Servers...) || !valid(l.Spares...) {
			return fmt.Errorf("location %.80q", l.Host+l.Path)
		}
	}
	for a := range n.Routed {
		if !valid(a) {
			return fmt.Errorf("routed address %s", a)
		}
	}
	for a := range n.Unrouted {
		if !valid(a) {
			return fmt.Errorf("unrouted address %s", a)
		}
	}
	return nil
}
