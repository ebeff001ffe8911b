package model

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// quick is what a call that only changes the engine's books takes.
const quick = 10 * time.Millisecond

// Engine is the host's Docker as havn uses it.
type Engine struct{ h *Host }

// Engine returns the host's Docker.
func (h *Host) Engine() Engine { return Engine{h} }

// CreateNetwork makes the site's network.
func (e Engine) CreateNetwork(ctx context.Context, a plan.CreateNetwork) error {
	h := e.h
	return h.call(ctx, "network", a.Key(), func(time.Time) (time.Duration, error) {
		if h.network.Problem != "" {
			return 0, errors.New(h.network.Problem)
		}
		h.network.Exists = true
		return quick, nil
	}, nil)
}

// CreateVolume makes a named volume.
func (e Engine) CreateVolume(ctx context.Context, a plan.CreateVolume) error {
	h := e.h
	return h.call(ctx, "volume", a.Key(), func(time.Time) (time.Duration, error) {
		v := h.volumes[a.Volume.Name]
		if v.Problem != "" {
			return 0, errors.New(v.Problem)
		}
		h.volumes[a.Volume.Name] = v
		return quick, nil
	}, nil)
}

// Pull fetches an image. It is on the host when the call ends, not before.
func (e Engine) Pull(ctx context.Context, a plan.Pull) error {
	h := e.h
	return h.call(ctx, "pull", a.Key(), func(now time.Time) (time.Duration, error) {
		i := h.images[a.Image]
		switch {
		case i.fails != "":
			return 0, errors.New(i.fails)
		case i.remote == "":
			return 0, fmt.Errorf("%s: not found", a.Image)
		}
		return min(i.pull, a.Deadline), nil
	}, func(time.Time) error {
		i := h.images[a.Image]
		if i.pull > a.Deadline {
			return fmt.Errorf("%s: not done within %s", a.Image, a.Deadline)
		}
		h.bring(a.Image, i.remote, false)
		return nil
	})
}

// Start creates the replica unless it is there, and starts it.
func (e Engine) Start(ctx context.Context, a plan.Start) error {
	h := e.h
	return h.call(ctx, "start", a.Key(), func(now time.Time) (time.Duration, error) { return h.start(a, now) }, nil)
}

func (h *Host) start(a plan.Start, now time.Time) (time.Duration, error) {
	c := h.containers[a.Name]
	switch {
	case c != nil && c.foreign == "" && c.Fingerprint == a.Fingerprint && c.State == plan.Running:
		return 0, nil
	case c != nil && !c.runAt.IsZero() && c.State != plan.Restarting:
		return c.runAt.Sub(now), nil
	case c != nil && c.State == plan.Paused:
		return 0, errors.New("cannot start a paused container, try unpause instead")
	}
	c, err := h.create(a, now)
	if err != nil {
		return 0, err
	}
	b := h.behaviour(a.Release.Service.Image)
	if b.CantStart != "" {
		return 0, h.discard(c, fmt.Errorf("%w: %s", apply.ErrRelease, b.CantStart))
	}
	c.b = b
	if holder := h.holder(c); holder != "" {
		return 0, h.discard(c, addressTaken(c, holder))
	}
	if b.HostFails != "" {
		return 0, h.discard(c, errors.New(b.HostFails))
	}
	if holder := h.portHolder(c); holder != "" {
		return 0, h.discard(c, fmt.Errorf("driver failed programming external connectivity: port is already allocated by %s", holder))
	}
	h.containers[a.Name] = c
	h.note(Started, c, now)
	c.Restarts, c.backoff, c.runAt = 0, 0, now.Add(b.Start)
	return b.Start, nil
}

// discard removes a container that could not be started and never ran.
func (h *Host) discard(c *container, err error) error {
	if c.State == plan.Created {
		delete(h.containers, c.Name)
	}
	return err
}

// create returns the container of a replica, made now or found.
func (h *Host) create(a plan.Start, now time.Time) (*container, error) {
	c := h.containers[a.Name]
	switch {
	case !h.network.Exists:
		return nil, fmt.Errorf("network %s not found", h.site)
	case c != nil && (c.foreign != "" || c.Fingerprint != a.Fingerprint):
		return nil, errors.New("the name is taken by a container that is not havn's")
	case c != nil:
		return c, nil
	case !h.onHost(a.Release.ImageID) && !h.fetch(a.Release):
		return nil, fmt.Errorf("no such image: %s", a.Release.ImageID)
	}
	if b := h.behaviour(a.Release.Service.Image); b.CantCreate != "" {
		return nil, fmt.Errorf("%w: %s", apply.ErrRelease, b.CantCreate)
	}
	check, checked := h.check(a.Release.Service)
	c = &container{b: Usual, Container: plan.Container{
		ID: h.newID(), Name: a.Name, Service: a.Release.Service.Name, Fingerprint: a.Fingerprint,
		Revision: a.Revision, Slot: a.Slot, Release: a.Release.Stored(), Addr: a.Addr,
		State: plan.Created, CreatedAt: now, Checked: checked, Check: check,
	}}
	h.containers[a.Name] = c
	h.note(Made, c, now)
	return c, nil
}

// Prepare creates the replica, and finds a port that is not the site's own to free.
func (e Engine) Prepare(ctx context.Context, a plan.Prepare) error {
	h := e.h
	return h.call(ctx, "prepare", a.Key(), func(now time.Time) (time.Duration, error) {
		c, err := h.create(a.Start, now)
		if err != nil {
			return 0, err
		}
		for _, claim := range c.Release.Service.Claims() {
			if who := h.foreignPort(claim); who != "" {
				return 0, h.discard(c, fmt.Errorf("%s is taken by %s", claim, who))
			}
		}
		return quick, nil
	}, nil)
}

// fetch gets the image of a release again that was removed from the host; false
// if the registry does not give it.
func (h *Host) fetch(r spec.Release) bool {
	i := h.images[r.Service.Image]
	if r.Service.Pull == spec.PullNever || i.fails != "" || i.remote != r.ImageID {
		return false
	}
	h.bring(r.Service.Image, i.remote, false)
	return true
}

// onHost: an image is on the host, under whatever name.
func (h *Host) onHost(id string) bool {
	_, there := h.stored[id]
	return there
}

// Stop sends the stop signal, and SIGKILL after the grace.
func (e Engine) Stop(ctx context.Context, a plan.Stop) error {
	h := e.h
	return h.call(ctx, "stop", a.Key(), func(now time.Time) (time.Duration, error) {
		c := h.byID(a.ID)
		if c == nil || c.State == plan.Exited || c.State == plan.Created && c.runAt.IsZero() {
			return 0, nil
		}
		return h.stop(c, a.Grace, now), nil
	}, nil)
}

// stop begins a graceful stop and returns how long it will take.
func (h *Host) stop(c *container, grace time.Duration, now time.Time) time.Duration {
	h.note(Stopped, c, now)
	if c.State != plan.Running {
		c.exit(c.ExitCode)
		return 0
	}
	took := min(c.b.Stop, grace)
	if c.exitAt.IsZero() {
		c.exitAt = now.Add(took)
	}
	// It finishes what it has and takes nothing new.
	c.readyAt = time.Time{}
	return c.exitAt.Sub(now)
}

// Remove deletes a container that does not run.
func (e Engine) Remove(ctx context.Context, a plan.Remove) error {
	h := e.h
	return h.call(ctx, "remove", a.Key(), func(now time.Time) (time.Duration, error) {
		c := h.byID(a.ID)
		switch {
		case c == nil:
			return 0, nil
		case c.State == plan.Running || c.State == plan.Paused || c.State == plan.Restarting:
			return 0, fmt.Errorf("container %s is running: stop it first", c.Name)
		}
		h.note(Gone, c, now)
		delete(h.containers, c.Name)
		return quick, nil
	}, nil)
}

func (h *Host) byID(id string) *container {
	for _, c := range h.containers {
		if c.ID == id && c.foreign == "" {
			return c
		}
	}
	return nil
}

// Tidy has nothing to do: the host has no files.
func (e Engine) Tidy([]spec.Release) {}

// Observe says what of the site there is on the engine.
func (e Engine) Observe(ctx context.Context, want spec.Site) (plan.Observed, error) {
	h := e.h
	var out plan.Observed
	err := h.call(ctx, "observe", "engine", func(now time.Time) (time.Duration, error) {
		out = h.observe(want, now)
		return 0, nil
	}, nil)
	return out, err
}

func (h *Host) observe(want spec.Site, now time.Time) plan.Observed {
	out := plan.Observed{
		Site: h.site, Network: h.network, Containers: map[string]plan.Container{}, Taken: map[string]string{},
		Volumes: map[string]plan.Volume{}, Images: map[string]plan.Image{}, Policy: h.policy, Binds: h.binds, Ports: h.takenPorts(want), Strangers: map[string]string{},
	}
	out.Network.Taken = map[netip.Addr]bool{}
	for _, name := range h.names() {
		c := h.containers[name]
		if c.foreign != "" {
			out.Taken[name] = c.foreign
			if c.stranger != "" {
				out.Strangers[name] = c.stranger
			}
			if h.fixed.Contains(c.Addr) && c.State == plan.Running {
				out.Network.Taken[c.Addr] = true
			}
			continue
		}
		shown := c.Container
		if c.Checked {
			shown.Health = c.health(now)
		}
		shown.Drift, shown.Unreachable = c.drift(), c.disconnected
		out.Containers[name] = shown
	}
	for name, v := range h.volumes {
		if _, wanted := want.Volumes[name]; wanted || v.Problem == "" {
			out.Volumes[name] = v
		}
	}
	for _, s := range want.Services {
		out.Images[s.Image] = h.seenImage(s.Image)
	}
	out.Stored = h.storedImages()
	return out
}

func (c *container) drift() string {
	switch {
	case c.State == plan.Paused:
		return "somebody paused it"
	case c.disconnected:
		return "it was disconnected from the network"
	}
	return c.Drift
}
