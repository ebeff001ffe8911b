package model

import (
	"net/netip"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// What names a kind of deed.
type What string

const (
	Made     What = "made"    // a container was created
	Started  What = "started" // a start was asked for
	Began    What = "began"   // a run began
	Stopped  What = "stopped" // a stop was asked for
	Gone     What = "gone"    // a container was removed
	Switched What = "switched"
	// ImageGone: havn removed an image.
	ImageGone What = "image gone"
)

// A Deed is something that happened on the host, with the host as it is then.
type Deed struct {
	At   time.Time
	What What
	// Replica is whom it happened to; Sent says whether requests may still be on
	// their way to it.
	Replica Replica
	// Before and After are the tables of a switch.
	Before, After plan.Table
	// Image is the one that was removed, and ByHand says whether a person had brought it.
	Image  string
	ByHand bool
	Host   View
}

// A Replica is a container as it really is, whether havn knows it or not.
type Replica struct {
	Name        string
	Service     string
	Fingerprint spec.Fingerprint
	State       plan.State
	Addr        netip.Addr
	// Coming: it is about to run; Stopping: it has had its stop signal.
	Coming, Stopping bool
	Ready            bool
	// Routed: new requests go to it; Sent: an old worker may still send one.
	Routed, Sent bool
	Foreign      bool
	// Claims are what it holds while it runs.
	Claims []spec.Claim
}

// A View is the host at one instant.
type View struct {
	At       time.Time
	Replicas map[string]Replica
	// Serving is whether nginx runs, Table what new requests follow, Old the
	// tables of old workers that may still send.
	Serving bool
	Table   plan.Table
	Old     []plan.Table
	Volumes int
}

// View returns the host as it is now.
func (h *Host) View() View {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.view(h.settle())
}

func (h *Host) view(now time.Time) View {
	n := &h.nginx
	v := View{At: now, Replicas: map[string]Replica{}, Serving: n.running, Table: n.active.table, Volumes: len(h.volumes)}
	for _, w := range n.leaving(now) {
		v.Old = append(v.Old, w.mayUse(now, h.RequestLimit))
	}
	old := map[netip.Addr]bool{}
	for _, t := range v.Old {
		for a := range t.Servers() {
			old[a.Addr()] = true
		}
	}
	if n.running {
		for _, l := range n.active.table.Locations {
			for _, a := range l.Spares {
				old[a.Addr()] = true
			}
		}
	}
	for name, c := range h.containers {
		v.Replicas[name] = Replica{
			Name: name, Service: c.Service, Fingerprint: c.Fingerprint, State: c.State, Addr: c.Addr, Foreign: c.foreign != "",
			Coming: !c.runAt.IsZero() && c.State != plan.Restarting, Stopping: !c.exitAt.IsZero(),
			Ready: c.ready(now), Routed: n.sends(c.Addr), Sent: old[c.Addr], Claims: c.Release.Service.Claims(),
		}
	}
	return v
}

// mayUse is the part of the worker's table it may still send a request by: all of
// it, and when it has been kept for longer than a request takes, what keeps it.
func (w *worker) mayUse(now time.Time, limit time.Duration) plan.Table {
	if !w.held.IsValid() || now.Before(w.since.Add(limit)) {
		return w.table
	}
	var out plan.Table
	for _, l := range w.table.Locations {
		for _, s := range l.Servers {
			if s.Addr() == w.held {
				l.Servers, l.Spares = []netip.AddrPort{s}, nil
				out.Locations = append(out.Locations, l)
			}
		}
	}
	return out
}

func (h *Host) note(what What, c *container, now time.Time) {
	if h.Saw == nil {
		return
	}
	v := h.view(now)
	r, listed := v.Replicas[c.Name]
	if !listed {
		r = Replica{Name: c.Name, Service: c.Service, Fingerprint: c.Fingerprint, State: c.State, Addr: c.Addr}
	}
	h.Saw(Deed{At: now, What: what, Replica: r, Host: v})
}

func (h *Host) switched(before plan.Table, now time.Time) {
	if h.Saw != nil {
		h.Saw(Deed{At: now, What: Switched, Before: before, After: h.nginx.active.table, Host: h.view(now)})
	}
}
