package model

import (
	"net/netip"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// change lets something happen to one of havn's containers, if it is there.
func (h *Host) change(name string, f func(c *container, now time.Time)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.settle()
	if c := h.containers[name]; c != nil && c.foreign == "" {
		f(c, now)
	}
}

// Kill ends a replica's process; Docker restarts it.
func (h *Host) Kill(name string) {
	h.change(name, func(c *container, now time.Time) {
		if c.State == plan.Running {
			c.crash(now, 137)
		}
	})
}

// Sicken makes a replica unhealthy for a time.
func (h *Host) Sicken(name string, d time.Duration) {
	h.change(name, func(c *container, now time.Time) {
		if c.State == plan.Running {
			c.sick, c.sickSince, c.wellAt = true, now, now.Add(d)
		}
	})
}

// RemoveByHand is `docker rm -f`.
func (h *Host) RemoveByHand(name string) {
	h.change(name, func(c *container, now time.Time) { delete(h.containers, name) })
}

// StopByHand is `docker stop`.
func (h *Host) StopByHand(name string) {
	h.change(name, func(c *container, now time.Time) {
		if c.State == plan.Running || c.State == plan.Restarting {
			c.exit(0)
		}
	})
}

// PauseByHand is `docker pause`.
func (h *Host) PauseByHand(name string) {
	h.change(name, func(c *container, now time.Time) {
		if c.State == plan.Running && c.exitAt.IsZero() {
			c.exit(0)
			c.State, c.manual = plan.Paused, false
		}
	})
}

// Disconnect is `docker network disconnect`.
func (h *Host) Disconnect(name string) {
	h.change(name, func(c *container, now time.Time) { c.disconnected, c.cutAt = true, now })
}

// Edit changes the effective configuration of a replica, as `docker update`
// does.
func (h *Host) Edit(name, drift string) {
	h.change(name, func(c *container, now time.Time) { c.Drift = drift })
}

// RestartDocker restarts the daemon: every container ends, the daemon is away for
// a time, and what was not stopped on purpose comes back at its address.
func (h *Host) RestartDocker(away time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.settle()
	h.downUntil = now.Add(away)
	for _, name := range h.names() {
		c := h.containers[name]
		if c.foreign != "" || c.State == plan.Created && c.runAt.IsZero() {
			continue
		}
		stopping := !c.exitAt.IsZero()
		runs := c.State == plan.Running || c.State == plan.Restarting || c.State == plan.Paused
		c.exit(c.ExitCode)
		if runs && !stopping {
			c.manual, c.runAt = false, h.downUntil
		}
	}
	h.nginx.stop(h.downUntil)
}

// KillGateway ends nginx; it comes back by itself after a time, unless that is
// Never.
func (h *Host) KillGateway(back time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nginx.stop(h.settle().Add(back))
}

func (n *nginx) stop(back time.Time) {
	if n.pending != nil {
		// The new configuration is the one on disk.
		n.active = *n.pending
	}
	was := n.running
	n.running, n.known, n.pending, n.switchAt, n.workers = false, false, nil, time.Time{}, nil
	if was {
		n.restartAt = back
	}
}

// Hold lets the workers of the next reload stay for a time because of long
// connections to the replica at an address.
func (h *Host) Hold(a netip.Addr, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nginx.hold, h.nginx.holdFor = a, d
}

// OccupyPort lets nginx not start, because of who has its port; "" frees it.
func (h *Host) OccupyPort(who string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nginx.busy = who
}

// TakeName has a container that is not havn's under a name.
func (h *Host) TakeName(name, who string, at netip.Addr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	h.containers[name] = &container{
		Container: plan.Container{Name: name, State: plan.Running, Addr: at}, foreign: who, stranger: "is on the site's network and not havn's",
	}
}

// Forge has somebody run a container that says by its labels that it is a replica.
func (h *Host) Forge(a plan.Start) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	h.containers[a.Name] = &container{
		Container: plan.Container{Name: a.Name, State: plan.Running, Addr: a.Addr}, foreign: "a container with labels of this site",
		stranger: "has labels of this site, and havn did not make it",
	}
}

// SpoilNetwork makes the network somebody else's; "" gives it back.
func (h *Host) SpoilNetwork(problem string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.network.Problem = problem
}

// SpoilVolume makes a volume somebody else's; "" gives it back.
func (h *Host) SpoilVolume(name, problem string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.volumes[name] = plan.Volume{Problem: problem}
}

// Allow makes a policy that of the machine.
func (h *Host) Allow(p spec.Policy) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.policy = p
}

// Assign makes havn give addresses of a prefix from now on.
func (h *Host) Assign(fixed netip.Prefix) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fixed, h.network.Fixed = fixed, fixed
}

// Mend makes everything that runs well, and every image behave as is usual.
func (h *Host) Mend() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.settle()
	clear(h.behaviours)
	for _, c := range h.containers {
		c.b, c.sick = Usual, false
		c.crashAt, c.sickAt, c.wellAt = time.Time{}, time.Time{}, time.Time{}
		if c.State == plan.Running && c.exitAt.IsZero() && (c.readyAt.IsZero() || c.readyAt.After(now.Add(Usual.Ready))) {
			c.readyAt = now.Add(Usual.Ready)
		}
	}
}

// Free removes what is not havn's.
func (h *Host) Free() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range h.names() {
		if h.containers[name].foreign != "" {
			delete(h.containers, name)
		}
	}
}
