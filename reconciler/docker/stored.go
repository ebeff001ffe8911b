package docker

import (
	"context"
	"fmt"
	"slices"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"

	"havn.internal/reconciler/plan"
)

// refusedFor is how long an image that could not be removed is taken for one in use.
const refusedFor = time.Hour

// observeStored lists the images on the host; nil if the engine does not say.
func (e *Engine) observeStored(ctx context.Context) map[string]plan.StoredImage {
	ctx, cancel := context.WithTimeout(ctx, listDeadline)
	defer cancel()
	list, err := e.cli.ImageList(ctx, image.ListOptions{All: true})
	if err != nil {
		e.Log.Debug("the engine does not list its images", "err", err)
		return nil
	}
	out := map[string]plan.StoredImage{}
	for _, i := range list {
		s := plan.StoredImage{Size: i.Size}
		for _, name := range slices.Concat(i.RepoTags, i.RepoDigests) {
			if full := fullName(name); full != "" {
				s.Names = append(s.Names, full)
			}
		}
		out[i.ID] = s
	}
	for _, i := range list {
		// Only images that were built here have a parent.
		if s, there := out[i.ParentID]; there {
			s.Used = true
			out[i.ParentID] = s
		}
	}
	return out
}

// fullName is a reference in full, "docker.io/library/redis:8"; empty for what stands
// for none ("<none>:<none>").
func fullName(ref string) string {
	named, err := reference.ParseDockerRef(ref)
	if err != nil {
		return ""
	}
	return named.String()
}

// inUse are the stored images with what is known of their use: by containers, and of
// what this process has fetched or could not remove.
func (e *Engine) inUse(stored map[string]plan.StoredImage, list []container.Summary) map[string]plan.StoredImage {
	if stored == nil {
		return nil
	}
	used := map[string]bool{}
	for _, c := range list {
		used[c.ImageID] = true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make(map[string]plan.StoredImage, len(stored))
	for id, s := range stored {
		s.Used = s.Used || used[id] || time.Since(e.refused[id]) < refusedFor
		s.Fetched = e.fetched[id]
		out[id] = s
	}
	return out
}

// imageIDs are the images on the host; nil if the engine does not say.
func (e *Engine) imageIDs(ctx context.Context) map[string]bool {
	ctx, cancel := context.WithTimeout(ctx, listDeadline)
	defer cancel()
	list, err := e.cli.ImageList(ctx, image.ListOptions{All: true})
	if err != nil {
		return nil
	}
	out := map[string]bool{}
	for _, i := range list {
		out[i.ID] = true
	}
	return out
}

// noteFetched notes that a pull brought an image, unless it was there before or that is
// not known: what others brought is theirs.
func (e *Engine) noteFetched(ctx context.Context, ref reference.Named, before map[string]bool) {
	ctx, cancel := context.WithTimeout(ctx, inspectDeadline)
	defer cancel()
	i, err := e.cli.ImageInspect(ctx, ref.String())
	if err != nil || before == nil || before[i.ID] {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fetched == nil {
		e.fetched = map[string]string{}
	}
	e.fetched[i.ID] = ref.String()
}

// RemoveImage removes an image by the names that havn fetched it by, never by force: the
// engine refuses one that a container uses, and one with further names keeps those.
func (e *Engine) RemoveImage(ctx context.Context, a plan.RemoveImage) error {
	err := e.removeImage(ctx, a)
	e.mu.Lock()
	if err != nil {
		if e.refused == nil {
			e.refused = map[string]time.Time{}
		}
		e.refused[a.ID] = time.Now()
	} else {
		delete(e.refused, a.ID)
		delete(e.fetched, a.ID)
	}
	e.mu.Unlock()
	e.putDirt(dirt{images: true})
	return err
}

func (e *Engine) removeImage(ctx context.Context, a plan.RemoveImage) error {
	ctx, cancel := context.WithTimeout(ctx, removeImageDeadline)
	defer cancel()
	i, err := e.cli.ImageInspect(ctx, a.ID)
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, tag := range i.RepoTags {
		if !slices.Contains(a.Refs, fullName(tag)) {
			return fmt.Errorf("it is tagged %s, too, which is not havn's", tag)
		}
	}
	for _, name := range i.RepoTags {
		// A tag may have moved meanwhile; what it stands for now is not ours to take.
		if now, err := e.cli.ImageInspect(ctx, name); err == nil && now.ID == a.ID {
			if err := e.rmi(ctx, name); err != nil {
				return err
			}
		}
	}
	// What is left has no name, unless it has been given one just now.
	if i, err = e.cli.ImageInspect(ctx, a.ID); err != nil || len(i.RepoTags) > 0 {
		return nil
	}
	return e.rmi(ctx, a.ID)
}

// removeImageDeadline is that of one removal; the layers of a large image take a while.
const removeImageDeadline = 2 * time.Minute

func (e *Engine) rmi(ctx context.Context, name string) error {
	_, err := e.cli.ImageRemove(ctx, name, image.RemoveOptions{})
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return err
}
