package plan

import "net/netip"

// reserve marks the addresses that can't be given away: those of containers in
// any state, those the gateway may still send requests to, and those in
// quarantine.
func (m *maker) reserve() {
	for _, c := range m.have.Containers {
		m.used[c.Addr] = true
	}
	for _, a := range m.have.InFlight {
		switch s := a.(type) {
		case Start:
			m.used[s.Addr] = true
		case Prepare:
			m.used[s.Start.Addr] = true
		}
	}
	for a := range m.have.Network.Taken {
		m.used[a] = true
	}
	for a := range m.have.Quarantine {
		m.used[a] = true
	}
	for a := range m.reached {
		m.used[a] = true
	}
	for a, drain := range m.have.Gateway.Unrouted {
		if !drain.Done {
			m.used[a.Addr()] = true
		}
	}
}

// address takes the lowest free fixed address.
func (m *maker) address() (netip.Addr, bool) {
	fixed := m.have.Network.Fixed
	if !fixed.IsValid() {
		return netip.Addr{}, false
	}
	// The first address names the network, the second is the bridge's own.
	for a := fixed.Masked().Addr().Next().Next(); fixed.Contains(a); a = a.Next() {
		if !m.used[a] {
			m.used[a] = true
			return a, true
		}
	}
	return netip.Addr{}, false
}
