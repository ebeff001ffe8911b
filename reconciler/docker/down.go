package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"

	"havn.internal/reconciler/plan"
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
	o, err := e.whose(ctx)
	if err != nil {
		return out, err
	}
	for _, c := range list {
		stranger, err := e.stranger(ctx, candidateOf(c), o)
		if err != nil {
			return out, err
		}
		if stranger == "" {
			out.Containers = append(out.Containers, containerName(c))
		}
	}
	n, _, err := e.observeNetwork(ctx)
	if err != nil {
		return out, err
	}
	if n.Exists && n.Problem == "" {
		out.Network = e.Site
	}
	ctx, cancel := context.WithTimeout(ctx, listDeadline)
	defer cancel()
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
// removal, one at a time. A container that can't be removed does not keep the
// others.
func (e *Engine) Down(ctx context.Context, b Belongings, grace time.Duration, did func(string)) error {
	var mu sync.Mutex
	var failed []error
	var g errgroup.Group
	g.SetLimit(stopsAtOnce)
	for _, name := range b.Containers {
		g.Go(func() error {
			err := e.Stop(ctx, plan.Stop{Name: name, ID: name, Grace: grace})
			if err == nil {
				err = e.Remove(ctx, plan.Remove{Name: name, ID: name})
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, fmt.Errorf("remove %s: %w", name, err))
			} else {
				did("container " + name)
			}
			return nil
		})
	}
	_ = g.Wait()
	if b.Network == "" || len(failed) > 0 {
		return errors.Join(failed...)
	}
	if err := e.removeNetwork(ctx); err != nil {
		return fmt.Errorf("remove network %s: %w", b.Network, err)
	}
	did("network " + b.Network)
	return nil
}

func (e *Engine) removeNetwork(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, createDeadline)
	defer cancel()
	err := e.cli.NetworkRemove(ctx, e.Site)
	if err == nil || cerrdefs.IsNotFound(err) {
		return nil
	}
	n, inspectErr := e.cli.NetworkInspect(ctx, e.Site, network.InspectOptions{})
	if inspectErr != nil || len(n.Containers) == 0 {
		return err
	}
	var names []string
	for _, c := range n.Containers {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return fmt.Errorf("containers that are not havn's use it: %s (`docker network disconnect %s NAME`)", strings.Join(names, ", "), e.Site)
}

// stopsAtOnce bounds the containers that are stopped at the same time.
const stopsAtOnce = 8
