package model

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Listen has a program that is not havn's listen on a port of the host; "" ends it.
func (h *Host) Listen(at netip.AddrPort, who string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	if who == "" {
		delete(h.listeners, at)
		return
	}
	h.listeners[at] = who
}

// foreignPort is the program that is not havn's and listens where the claim is.
func (h *Host) foreignPort(claim spec.Claim) string {
	for _, at := range slices.SortedFunc(maps.Keys(h.listeners), netip.AddrPort.Compare) {
		if claim.Volume == "" && claim.Conflicts(spec.Claim{Host: at, Protocol: "tcp"}) {
			return h.listeners[at]
		}
	}
	return ""
}

// takenPorts are the host ports that the site wants, that no replica claims, and that a
// program which is not havn's has.
func (h *Host) takenPorts(want spec.Site) map[string]string {
	out := map[string]string{}
	maps.Copy(out, h.taken)
	for _, s := range want.Services {
		for _, claim := range s.Claims() {
			who := h.foreignPort(claim)
			claims := func(name string) bool {
				c := h.containers[name]
				return c.foreign == "" && slices.ContainsFunc(c.Release.Service.Claims(), claim.Conflicts)
			}
			if who != "" && !slices.ContainsFunc(h.names(), claims) {
				out[claim.String()] = fmt.Sprintf("%s is taken by %s", claim, who)
			}
		}
	}
	return out
}

// portHolder is who has a host port that c publishes, "" if they are free. A container
// has its ports while it runs, also while it is paused.
func (h *Host) portHolder(c *container) string {
	for _, claim := range c.Release.Service.Claims() {
		if claim.Volume != "" {
			continue
		}
		if who := h.foreignPort(claim); who != "" {
			return who
		}
		for _, name := range h.names() {
			o := h.containers[name]
			if o != c && (o.State == plan.Running || o.State == plan.Paused) && slices.ContainsFunc(o.Release.Service.Claims(), claim.Conflicts) {
				return name
			}
		}
	}
	return ""
}
