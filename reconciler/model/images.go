package model

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A stored is an image on the host.
type stored struct {
	// fetched is the reference by which havn fetched it; byHand: a person brought it too.
	fetched string
	byHand  bool
	size    int64
	// names are those it was observed with, beside the references of the host.
	names []string
}

// imageSize is what each image takes.
const imageSize = 100 << 20

// bring puts an image on the host under a reference, fetched by havn or by hand.
func (h *Host) bring(ref, id string, byHand bool) {
	i := h.images[ref]
	i.local = id
	h.images[ref] = i
	s, there := h.stored[id]
	switch {
	case byHand:
		s.byHand = true
	case !there:
		s.fetched = ref
	}
	s.size = imageSize
	h.stored[id] = s
}

// tags are the references that stand for an image on the host.
func (h *Host) tags(id string) []string {
	var out []string
	for _, ref := range slices.Sorted(maps.Keys(h.images)) {
		if h.images[ref].local == id {
			out = append(out, ref)
		}
	}
	return out
}

// untag takes a reference from an image, which is gone with its last one.
func (h *Host) untag(ref string) {
	i := h.images[ref]
	id := i.local
	i.local = ""
	h.images[ref] = i
	if len(h.tags(id)) == 0 {
		delete(h.stored, id)
	}
}

func (h *Host) used(id string) bool {
	for _, c := range h.containers {
		if c.Release.ImageID == id {
			return true
		}
	}
	return false
}

// storedImages are the images as havn observes them, each looked at once: a host may
// have thousands.
func (h *Host) storedImages() map[string]plan.StoredImage {
	out := make(map[string]plan.StoredImage, len(h.stored))
	for id, s := range h.stored {
		out[id] = plan.StoredImage{Names: slices.Clone(s.names), Size: s.size, Fetched: s.fetched}
	}
	for ref, i := range h.images {
		if s, there := out[i.local]; there {
			s.Names = append(s.Names, ref)
			out[i.local] = s
		}
	}
	for _, c := range h.containers {
		if s, there := out[c.Release.ImageID]; there && !s.Used {
			s.Used = true
			out[c.Release.ImageID] = s
		}
	}
	return out
}

// RemoveImage removes an image by the names that havn fetched it by.
func (e Engine) RemoveImage(ctx context.Context, a plan.RemoveImage) error {
	h := e.h
	return h.call(ctx, "rmi", a.Key(), func(now time.Time) (time.Duration, error) {
		s, there := h.stored[a.ID]
		switch {
		case !there:
			return 0, nil
		case h.used(a.ID):
			return 0, fmt.Errorf("conflict: image %s is used by a container", a.ID)
		}
		for _, ref := range h.tags(a.ID) {
			if !slices.Contains(a.Refs, ref) {
				return 0, fmt.Errorf("conflict: image %s is tagged %s, too", a.ID, ref)
			}
		}
		for _, ref := range h.tags(a.ID) {
			h.untag(ref)
		}
		delete(h.stored, a.ID)
		if h.Saw != nil {
			h.Saw(Deed{At: now, What: ImageGone, Image: a.ID, ByHand: s.byHand, Host: h.view(now)})
		}
		return quick, nil
	}, nil)
}

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
