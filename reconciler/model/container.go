package model

import (
	"fmt"
	"time"

	"havn.internal/reconciler/plan"
)

// Docker waits firstBackoff before it restarts a container that exited, each time
// twice as long up to lastBackoff, and starts over when it ran for steady.
const (
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = time.Minute
	steady       = 10 * time.Second
)

// A container is what Docker shows, and what is going to become of it. A zero
// time means never.
type container struct {
	plan.Container
	b Behaviour
	// foreign says whose it is, if it is not havn's.
	foreign string
	// stranger is what it is to the site, if it concerns it and is not havn's.
	stranger string

	runAt, exitAt, crashAt, sickAt, wellAt time.Time
	readyAt                                time.Time
	backoff                                time.Duration
	sick                                   bool
	sickSince                              time.Time
	disconnected                           bool
	cutAt                                  time.Time
	// manual: it was stopped on purpose, so Docker does not restart it.
	manual bool
}

// seen is a container as it was observed: it goes on as it is, and one that is
// not ready yet will be.
func seen(c plan.Container, now time.Time) *container {
	out := &container{Container: c, b: Usual, manual: c.State == plan.Exited}
	switch {
	case c.Health.Unhealthy:
		out.sick, out.sickSince = true, c.Health.Since
	case c.Health.Ready:
		out.readyAt = c.Health.Since
	case c.State == plan.Running:
		out.readyAt = now.Add(Usual.Ready)
	}
	return out
}

// due is what happens to c next by itself.
func (c *container) due(h *Host) (time.Time, func(time.Time)) {
	var at time.Time
	var happen func(time.Time)
	consider := func(t time.Time, f func(time.Time)) {
		if !t.IsZero() && (happen == nil || t.Before(at)) {
			at, happen = t, f
		}
	}
	consider(c.exitAt, func(now time.Time) { c.exit(0) })
	consider(c.runAt, func(now time.Time) { c.run(h, now) })
	consider(c.crashAt, func(now time.Time) { c.crash(now, 1) })
	consider(c.sickAt, func(now time.Time) { c.sickAt, c.sick, c.sickSince = time.Time{}, true, now })
	consider(c.wellAt, func(now time.Time) { c.wellAt, c.sick, c.readyAt = time.Time{}, false, now })
	return at, happen
}

// run begins a run of the container.
func (c *container) run(h *Host, now time.Time) {
	c.runAt = time.Time{}
	if h.holder(c) != "" || h.portHolder(c) != "" {
		c.State, c.manual = plan.Exited, true
		return
	}
	c.State, c.StartedAt, c.manual = plan.Running, now, false
	c.sick, c.sickAt, c.wellAt = false, time.Time{}, time.Time{}
	c.readyAt = now.Add(c.firstLook())
	c.crashAt = time.Time{}
	if c.b.Crash > 0 {
		c.crashAt = now.Add(c.b.Crash)
	}
	if h.Meddle != "" {
		c.Drift = h.Meddle
	}
	h.note(Began, c, now)
	if h.nginx.sends(c.Addr) {
		c.routed(now)
	}
}

// routed starts what the behaviour has for a replica that takes requests.
func (c *container) routed(now time.Time) {
	if c.State != plan.Running {
		return
	}
	if c.b.DiesRouted > 0 && c.crashAt.IsZero() {
		c.crashAt = now.Add(c.b.DiesRouted)
	}
	if c.b.SickRouted > 0 && c.sickAt.IsZero() && !c.sick {
		c.sickAt = now.Add(c.b.SickRouted)
	}
}

// exit ends a run for good.
func (c *container) exit(code int) {
	c.State, c.ExitCode, c.manual = plan.Exited, code, true
	c.exitAt, c.crashAt, c.runAt, c.readyAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	c.sickAt, c.wellAt, c.sick = time.Time{}, time.Time{}, false
	c.backoff = 0
}

// crash ends a run that Docker repeats.
func (c *container) crash(now time.Time, code int) {
	stopping := !c.exitAt.IsZero()
	ran := now.Sub(c.StartedAt)
	backoff := c.backoff
	c.exit(code)
	if stopping {
		return
	}
	if ran >= steady || backoff == 0 {
		backoff = firstBackoff
	} else {
		backoff = min(2*backoff, lastBackoff)
	}
	c.State, c.manual, c.backoff = plan.Restarting, false, backoff
	c.Restarts++
	c.runAt = now.Add(backoff)
}

// ready: a request sent to the container now is answered.
func (c *container) ready(now time.Time) bool {
	return c.State == plan.Running && !c.sick && !c.disconnected && !c.readyAt.IsZero() && !now.Before(c.readyAt)
}

// patience is how long a replica may fail before it counts as unhealthy.
func (c *container) patience() time.Duration {
	check := c.Release.Service.Health
	return check.StartPeriod.Std() + time.Duration(check.Failures)*check.Interval.Std()
}

// seemsReady: it was cut off, and its probes have not yet failed often enough to show it.
func (c *container) seemsReady(now time.Time) bool {
	was := *c
	was.disconnected = false
	check := c.Release.Service.Health
	known := c.cutAt.Add(time.Duration(check.Failures) * check.Interval.Std())
	return c.disconnected && was.ready(now) && now.Before(known)
}

// health is what a probe says that has been going on for longer than it takes.
func (c *container) health(now time.Time) plan.Health {
	switch {
	case c.State != plan.Running:
		return plan.Health{}
	case c.ready(now), c.seemsReady(now):
		return plan.Health{Ready: true, Since: c.readyAt, Last: "ok"}
	case c.sick:
		return plan.Health{Unhealthy: true, Since: c.sickSince, Last: "answers 503"}
	}
	sure := c.StartedAt.Add(c.patience())
	if now.Before(sure) {
		return plan.Health{Since: c.StartedAt, Last: "connection refused"}
	}
	return plan.Health{Unhealthy: true, Since: sure, Last: "connection refused"}
}

// holder is the container that has c's address now, "" if none has.
func (h *Host) holder(c *container) string {
	for _, name := range h.names() {
		o := h.containers[name]
		if o != c && o.Addr == c.Addr && (o.State == plan.Running || o.State == plan.Paused || o.State == plan.Restarting) && !o.disconnected {
			return name
		}
	}
	return ""
}

func addressTaken(c *container, holder string) error {
	return fmt.Errorf("address %s is in use by %s", c.Addr, holder)
}
