package docker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Observe says what of the site there is. It costs one list call while nothing
// has changed. Any error means that nothing is known.
func (e *Engine) Observe(ctx context.Context, want spec.Site) (plan.Observed, error) {
	g := e.glance()
	out, err := e.observe(ctx, want, g)
	if err != nil {
		e.putDirt(g.dirt)
	}
	return out, err
}

func (e *Engine) observe(ctx context.Context, want spec.Site, g glance) (plan.Observed, error) {
	out := plan.Observed{Site: e.Site, Containers: map[string]plan.Container{}, Taken: map[string]string{}}
	list, err := e.list(ctx)
	if err != nil {
		return out, err
	}
	sorted, err := e.sort(ctx, list)
	if err != nil {
		return out, err
	}
	out.Taken, out.Strangers = sorted.taken, sorted.strangers
	seen, err := e.inspectChanged(ctx, sorted.ours, g)
	if err != nil {
		return out, err
	}
	for _, s := range seen {
		out.Containers[s.container.Name] = s.container
	}
	around, err := e.surroundings(ctx, want, g)
	if err != nil {
		return out, err
	}
	e.remember(g, seen, around, sorted.unread)
	out.Volumes, out.Images = around.usable(want), maps.Clone(around.images)
	out.Stored = e.inUse(around.stored, list)
	out.Network = around.taken(seen)
	out.Policy, out.Binds = e.Policy, e.observeBinds(want, out.Containers)
	out.Ports = e.observePorts(want, out.Containers)
	return out, nil
}

func (e *Engine) list(ctx context.Context) ([]container.Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, listDeadline)
	defer cancel()
	return e.cli.ContainerList(ctx, container.ListOptions{All: true})
}

func containerName(c container.Summary) string {
	for _, n := range c.Names {
		// A link adds names with a second slash; the own name has one.
		if name := strings.TrimPrefix(n, "/"); !strings.Contains(name, "/") {
			return name
		}
	}
	return ""
}

func (e *Engine) describe(c container.Summary) string {
	if site := c.Labels[labelSite]; site != "" && site != e.Site && c.Labels[labelName] == containerName(c) {
		return fmt.Sprintf("site %s of another havn", site)
	}
	return "a container of image " + c.Image
}

// listKey changes when a container does, but not as its uptime does.
func listKey(c container.Summary) string {
	key := string(c.State) + listedHealth(c)
	if c.NetworkSettings != nil {
		for _, name := range slices.Sorted(maps.Keys(c.NetworkSettings.Networks)) {
			key += " " + name + "=" + c.NetworkSettings.Networks[name].IPAddress
		}
	}
	return key
}

// listedHealth is what the list says of a container's HEALTHCHECK, "(healthy)";
// empty if it has none or does not run.
func listedHealth(c container.Summary) string {
	if i := strings.LastIndexByte(c.Status, '('); i >= 0 && strings.HasPrefix(c.Status, "Up") {
		return c.Status[i:]
	}
	return ""
}

// inspectChanged inspects the containers that may have changed since they were
// last seen. One that can't be inspected is what the list says of it: the others
// are not held up, and it does not look absent.
func (e *Engine) inspectChanged(ctx context.Context, list []container.Summary, g glance) (map[string]sighting, error) {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	found := make([]*sighting, len(list))
	for i, c := range list {
		before := g.seen[c.ID]
		key := listKey(c)
		if g.holds(before, c.ID, key) {
			found[i] = &before
			continue
		}
		group.Go(func() error {
			s, err := e.inspect(gctx, c.ID, before)
			if ctx.Err() != nil || client.IsErrConnectionFailed(err) {
				return err
			}
			if err != nil {
				e.Log.Debug("a container can't be inspected", "container", containerName(c), "err", err)
				s = listed(c, before)
			}
			if s != nil {
				s.key = key
			}
			found[i] = s
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	now := map[string]sighting{}
	for i, s := range found {
		if s != nil {
			now[list[i].ID] = *s
		}
	}
	return now, nil
}

// holds: what was seen of a container before is still good.
func (g glance) holds(before sighting, id, key string) bool {
	switch {
	case before.key != key:
		return false
	case !before.retry.IsZero():
		return time.Now().Before(before.retry)
	}
	return g.trust && !g.dirt.containers[id] && before.container.State != plan.Restarting
}
