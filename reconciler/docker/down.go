package docker

import (
	"context"
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"
)

// Belongings are the objects of a site on this engine.
type Belongings struct {
	Containers []string
	Network    string
	// Volumes are listed for people; nothing here removes one.
	Volumes []string
}

// Belongings lists what the site owns.
func (e *Engine) Belongings(ctx context.Context) (Belongings, error) {
	var out Belongings
	list, err := e.list(ctx)
	if err != nil {
		return out, err
	}
	for _, c := range list {
		if name := containerName(c); c.Labels[labelSite] == e.Site && c.Labels[labelName] == name {
			out.Containers = append(out.Containers, name)
		}
	}
	n, err := e.observeNetwork(ctx)
	if err != nil {
		return out, err
	}
	if n.Exists && n.Problem == "" {
		out.Network = e.Site
	}
	volumes, err := e.cli.VolumeList(ctx, volume.ListOptions{Filters: filters.NewArgs(filters.Arg("label", labelSite+"="+e.Site))})
	if err != nil {
		return out, err
	}
	for _, v := range volumes.Volumes {
		out.Volumes = append(out.Volumes, v.Name)
	}
	return out, nil
}

// Down stops and removes everything in b but its volumes. It tells did of each
// removal.
func (e *Engine) Down(ctx context.Context, b Belongings, grace time.Duration, did func(string)) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(startsAtOnce)
	for _, name := range b.Containers {
		g.Go(func() error {
			seconds := int(grace / time.Second)
			err := e.cli.ContainerStop(gctx, name, container.StopOptions{Timeout: &seconds})
			if err == nil || cerrdefs.IsNotModified(err) {
				err = e.cli.ContainerRemove(gctx, name, container.RemoveOptions{})
			}
			if err != nil && !cerrdefs.IsNotFound(err) {
				return fmt.Errorf("remove %s: %w", name, err)
			}
			did("container " + name)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if b.Network == "" {
		return nil
	}
	if err := e.cli.NetworkRemove(ctx, b.Network); err != nil && !cerrdefs.IsNotFound(err) {
		return fmt.Errorf("remove network %s: %w", b.Network, err)
	}
	did("network " + b.Network)
	return nil
}

// startsAtOnce bounds the containers that are stopped at the same time.
const startsAtOnce = 8
