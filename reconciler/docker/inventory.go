package docker

import (
	"context"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"

	"havn.internal/reconciler/plan"
)

// mostInventory bounds what Inventory asks the engine about one by one.
const mostInventory = 2000

// Inventory says what there is beyond what one site wants, for a plan that is made
// elsewhere: the volumes with a name of the site's, by the name in the spec, and
// every tag of the repositories that the references name.
func (e *Engine) Inventory(ctx context.Context, refs []string) (map[string]plan.Volume, map[string]plan.Image, error) {
	images := map[string]plan.Image{}
	volumes, err := e.observeVolumes(ctx)
	if err != nil {
		return nil, nil, err
	}
	listing, cancel := context.WithTimeout(ctx, listDeadline)
	defer cancel()
	tags, err := e.tags(listing, refs)
	if err != nil {
		return nil, nil, err
	}
	for _, tag := range tags[:min(len(tags), mostInventory)] {
		if images[tag], err = e.observeImage(ctx, tag); err != nil {
			return nil, nil, err
		}
	}
	return volumes, images, nil
}

// tags are the references on the host of the repositories that refs are of.
func (e *Engine) tags(ctx context.Context, refs []string) ([]string, error) {
	repositories := map[string]bool{}
	for _, ref := range refs {
		repositories[repository(ref)] = true
	}
	list, err := e.cli.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, i := range list {
		for _, tag := range i.RepoTags {
			if name := repository(tag); name != "" && repositories[name] {
				out = append(out, tag)
			}
		}
	}
	return out, nil
}

// repository is what a reference has before its tag or digest, in full; empty if it
// is none.
func repository(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	return named.Name()
}
