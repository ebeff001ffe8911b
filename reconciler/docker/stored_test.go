package docker_test

import (
	"slices"
	"testing"
	"time"

	"havn.internal/reconciler/plan"
)

// A pull that brings an image makes it havn's to remove; one that finds it there does
// not. It goes by the names it was fetched by, and only if nothing else has a use for it.
func TestFetchedImageIsRemoved(t *testing.T) {
	startRegistry(t)
	dockerConfig(t, `{"auths":{"`+registryAddr+`":{"auth":"cmVhZGVyOnNlY3JldA=="}}}`)
	ref, other := registryAddr+"/team/old:1", tag("kept")
	id := imageOf(t, ref, "LABEL made=for-removal")
	push(t, ref)
	removeImages(t, ref)
	s := newSite(t)
	t.Cleanup(func() { removeImages(t, ref, other) })
	stored := func(s *site) plan.StoredImage { return s.observe(want()).Stored[id] }
	if got := stored(s); got.Size != 0 {
		t.Fatalf("the image is there before it is fetched: %+v", got)
	}
	s.do(s.Pull(s.ctx, plan.Pull{Image: ref, Deadline: time.Minute}))
	if got := stored(s); got.Fetched != ref || got.Used || got.Size == 0 || !slices.Contains(got.Names, ref) {
		t.Errorf("fetched, it is %+v", got)
	}
	beside := newSite(t)
	beside.do(beside.Pull(s.ctx, plan.Pull{Image: ref, Deadline: time.Minute}))
	if got := stored(beside); got.Fetched != "" || got.Size == 0 {
		t.Errorf("fetched though it was there, it is %+v", got)
	}

	remove := plan.RemoveImage{ID: id, Refs: []string{ref}}
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	a := s.of(id, 0)
	s.do(s.Start(s.ctx, a))
	if !stored(s).Used || !stored(beside).Used {
		t.Error("an image of which a container runs is not in use")
	}
	wantError(t, s.RemoveImage(s.ctx, remove), "conflict")
	s.do(s.Stop(s.ctx, plan.Stop{ID: a.Name}))
	wantError(t, s.RemoveImage(s.ctx, remove), "conflict")
	remove.ID = id
	s.do(s.Remove(s.ctx, plan.Remove{ID: a.Name}))
	if !stored(s).Used {
		t.Error("an image that could not be removed is tried again at once")
	}
	s.do(api.ImageTag(s.ctx, ref, other))
	wantError(t, beside.RemoveImage(s.ctx, remove), "tagged "+other)
	if got := stored(s); len(got.Names) < 2 {
		t.Errorf("a removal that was refused leaves %+v", got)
	}
	removeImages(t, other)
	for range 2 {
		s.do(s.RemoveImage(s.ctx, remove))
	}
	if _, there := s.observe(want()).Stored[id]; there {
		t.Error("it is still there")
	}
}

// An image whose tag has moved goes by its address, and the tag stays where it is now.
func TestImageWithoutATagIsRemoved(t *testing.T) {
	ref := tag("moved")
	old := imageOf(t, ref, "LABEL made=first")
	now := imageOf(t, ref, "LABEL made=second")
	s := newSite(t)
	s.do(s.RemoveImage(s.ctx, plan.RemoveImage{ID: old, Refs: []string{"docker.io/library/" + ref}}))
	have := s.observe(want()).Stored
	if _, there := have[old]; there || !slices.Contains(have[now].Names, "docker.io/library/"+ref) {
		t.Errorf("the old one is there: %v, the new one is %+v", there, have[now])
	}
}
