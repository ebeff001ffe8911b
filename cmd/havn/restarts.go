package main

import (
	"fmt"

	"havn.internal/reconciler"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// restarts has history know what Docker does by itself: that it started a replica again
// which had ended.
type restarts struct {
	// counts are the restarts that were seen, by container.
	counts map[string]int
	// told are those that were recorded last.
	told map[string]int
}

// pass records the restarts that are new in an outcome. Of a crash loop it records the
// first, and then each doubling: Docker goes on without an end.
func (r *restarts) pass(o reconciler.Outcome, record func(service, act, why string)) {
	if o.Err != nil {
		return
	}
	counts, told := map[string]int{}, map[string]int{}
	for _, c := range o.Have.Containers {
		counts[c.ID], told[c.ID] = c.Restarts, r.told[c.ID]
		if _, known := r.counts[c.ID]; !known && r.counts != nil {
			told[c.ID] = 0
		} else if !known {
			// What was before this havn was told by the one before.
			told[c.ID] = c.Restarts
		}
		if c.Restarts > 0 && c.Restarts >= max(1, 2*told[c.ID]) {
			record(c.Service, "Docker restarted "+c.Name, fmt.Sprintf("%s; %s so far", ended(c), spec.Count(c.Restarts, "restart")))
			told[c.ID] = c.Restarts
		}
	}
	r.counts, r.told = counts, told
}

// ended is how the run before this one ended.
func ended(c plan.Container) string {
	if c.OOM {
		return "it ran out of its memory limit"
	}
	return fmt.Sprintf("it exited with code %d", c.ExitCode)
}
