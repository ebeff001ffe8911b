package contract

import (
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Networks and volumes are made once, and are there then: also for a site that wants
// them no more, since a release to go back to may.
func testSurroundings(h *harness) {
	data := spec.Volume{Name: "data"}
	want := spec.Site{Volumes: map[string]spec.Volume{"data": data}}
	have := h.observe(want)
	if have.Network.Exists || len(have.Volumes) != 0 || have.Network.Fixed != h.Fixed() {
		h.t.Errorf("at first observed %+v and %v", have.Network, have.Volumes)
	}
	for range 2 {
		h.do(h.CreateNetwork(h.ctx, plan.CreateNetwork{}))
		h.do(h.CreateVolume(h.ctx, plan.CreateVolume{Volume: data}))
		have = h.observe(want)
		v, there := have.Volumes["data"]
		if n := have.Network; !n.Exists || n.Problem != "" || n.Fixed != h.Fixed() || len(n.Taken) != 0 || !there || v.Problem != "" {
			h.t.Errorf("observed %+v and %v", n, have.Volumes)
		}
	}
	if v, there := h.observe(spec.Site{}).Volumes["data"]; !there || v.Problem != "" {
		h.t.Errorf("observed %v, %+v of a volume that is not wanted any more", there, v)
	}
}

// An image is what its reference stands for, or has no ID; a pull that fails takes
// nothing away.
func testImages(h *harness) {
	here, missing := h.Release("web", Serves), h.Release("gone", NotThere)
	want := spec.Site{Services: map[string]spec.Service{"web": here.Service, "gone": missing.Service}}
	check := func() {
		h.t.Helper()
		images := h.observe(want).Images
		if i := images[here.Service.Image]; i.ID != here.ImageID || i.Problem != "" {
			h.t.Errorf("observed %+v, want %s", i, here.ImageID)
		}
		if i, named := images[missing.Service.Image]; !named || i.ID != "" || i.Problem != "" {
			h.t.Errorf("observed %+v, %v of an image that is not there", i, named)
		}
	}
	check()
	h.fails("a pull of what is not there", h.Pull(h.ctx, plan.Pull{Image: missing.Service.Image, Deadline: time.Minute}), false)
	check()
}

// An image on the host is seen with its use. It is not removed while a container is made
// of it, in whatever state, or while it has a name that havn did not give it; one that is
// gone is no error.
func testImagesThatGo(h *harness) {
	a, c := h.running(Serves)
	remove := plan.RemoveImage{ID: a.Release.ImageID}
	stored := func() plan.StoredImage {
		h.t.Helper()
		have := h.observe(spec.Site{}).Stored
		s, there := have[a.Release.ImageID]
		if !there || len(s.Names) == 0 || s.Fetched != "" {
			h.t.Errorf("observed %+v, %v of an image that others brought", s, there)
		}
		return s
	}
	if !stored().Used {
		h.t.Error("an image of which a container runs is not in use")
	}
	h.fails("to remove the image of what runs", h.RemoveImage(h.ctx, remove), false)
	h.stop(c)
	if !stored().Used {
		h.t.Error("an image of which a container is made is not in use")
	}
	h.do(h.Remove(h.ctx, plan.Remove{Name: c.Name, ID: c.ID}))
	h.fails("to remove an image that others brought", h.RemoveImage(h.ctx, remove), false)
	stored()
	h.do(h.RemoveImage(h.ctx, plan.RemoveImage{ID: h.Release("gone", NotThere).ImageID}))
}
