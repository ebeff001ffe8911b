package docker_test

import (
	"testing"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A plan that is made elsewhere may want an image, or a volume, that the site of
// now does not.
func TestInventoryHasMoreThanTheSiteWants(t *testing.T) {
	s := newSite(t)
	ref := tag("inventory")
	s.do(api.ImageTag(s.ctx, replicaImage, ref))
	s.do(s.CreateVolume(s.ctx, plan.CreateVolume{Volume: spec.Volume{Name: "left"}}))
	volumes, images, err := s.Inventory(s.ctx, []string{"docker.io/library/" + ref[:len(ref)-1] + "x"})
	s.do(err)
	if v, known := volumes["left"]; !known || v.Problem != "" || len(volumes) != 1 {
		t.Errorf("volumes %v", volumes)
	}
	if images[ref].ID == "" {
		t.Errorf("%s is not among %v", ref, images)
	}
	if _, images, err = s.Inventory(s.ctx, []string{"other/thing:1"}); err != nil || len(images) != 0 {
		t.Errorf("images of others: %v, %v", images, err)
	}
}
