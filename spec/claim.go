package spec

import (
	"net/netip"
	"slices"
	"strings"
)

// A Claim is a thing of the host that at most one running replica may hold: a volume that
// it writes to, or a published port. Two claims that are both shared do not conflict.
type Claim struct {
	// Volume is the name of the volume; empty for a port.
	Volume string
	// Shared: the spec declares that several replicas may write to the volume at once.
	Shared bool
	// Host and Protocol are the published address and port.
	Host     netip.AddrPort
	Protocol string
}

// Claims returns what a running replica of the service holds, sorted. An entry that is not
// valid claims nothing; [Load] reports it.
func (s Service) Claims() []Claim {
	var out []Claim
	for _, m := range s.Volumes {
		if c := (Claim{Volume: m.Volume, Shared: m.Shared}); !m.ReadOnly && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	for _, p := range s.Ports {
		at, err := netip.ParseAddrPort(p.Host)
		if err == nil && at.Port() != 0 {
			out = append(out, portClaim(at, p.Protocol))
		}
	}
	slices.SortFunc(out, func(a, b Claim) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// portClaim is the claim of a port of the machine. An IPv4 address that is written as an
// IPv6 one is the same address.
func portClaim(at netip.AddrPort, protocol string) Claim {
	return Claim{Host: netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), Protocol: protocol}
}

// Conflicts reports whether c and o cannot be held at the same time.
func (c Claim) Conflicts(o Claim) bool {
	if c.Volume != "" || o.Volume != "" {
		return c.Volume == o.Volume && !(c.Shared && o.Shared)
	}
	same := c.Host.Addr() == o.Host.Addr() || c.Host.Addr().IsUnspecified() || o.Host.Addr().IsUnspecified()
	return same && c.Host.Port() == o.Host.Port() && c.Protocol == o.Protocol
}

// Conflict returns the first claim of s that a claim of o conflicts with.
func (s Service) Conflict(o Service) (Claim, bool) {
	others := o.Claims()
	for _, c := range s.Claims() {
		if slices.ContainsFunc(others, c.Conflicts) {
			return c, true
		}
	}
	return Claim{}, false
}

// String names the claim: "volume data", "port 127.0.0.1:5432/tcp".
func (c Claim) String() string {
	if c.Volume != "" {
		return "volume " + c.Volume
	}
	return "port " + c.Host.String() + "/" + c.Protocol
}
