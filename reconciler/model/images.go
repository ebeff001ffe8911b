package model

import (
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Describe sets what an image says of its containers.
func (h *Host) Describe(ref string, w plan.Word) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.words[ref] = &w
}

// seenImage is a reference as havn observes it.
func (h *Host) seenImage(ref string) plan.Image {
	i := h.images[ref]
	out := plan.Image{ID: i.local, Problem: i.problem}
	if w := h.words[ref]; w != nil && i.local != "" {
		out.Word, out.HasHealthcheck = w, w.Check != plan.Check{}
	}
	return out
}

// check is when Docker runs a HEALTHCHECK in containers of the service, and whether it
// does.
func (h *Host) check(s spec.Service) (c plan.Check, checked bool) {
	if s.Health.Kind == spec.HealthExec {
		return plan.Check{Interval: s.Health.Interval.Std(), Timeout: s.Health.Timeout.Std(), Failures: s.Health.Failures}, true
	}
	if w := h.words[s.Image]; w != nil {
		c = w.CheckOf(s)
	}
	return c, c != plan.Check{} || s.Health.Kind == spec.HealthImage
}

// firstLook is how long after its start somebody first finds c ready: Docker waits one
// interval before it runs a check.
func (c *container) firstLook() time.Duration {
	if !c.Checked {
		return c.b.Ready
	}
	return max(c.b.Ready, c.Check.Interval)
}
