package docker

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A sighting is a container as it was last inspected.
type sighting struct {
	// key is what the list said then; another key means that it changed.
	key       string
	container plan.Container
	// runs is Docker's StartedAt of the run that container.StartedAt belongs to.
	runs string
}

// Observe says what of the site there is. It costs one list call while nothing
// has changed. Any error means that nothing is known.
func (e *Engine) Observe(ctx context.Context, want spec.Site) (plan.Observed, error) {
	stale, world := e.takeDirt()
	out, err := e.observe(ctx, want, stale, world)
	if err != nil {
		e.putDirt(stale, true)
	}
	return out, err
}

func (e *Engine) observe(ctx context.Context, want spec.Site, stale map[string]bool, world bool) (plan.Observed, error) {
	out := plan.Observed{Site: e.Site, Containers: map[string]plan.Container{}, Taken: map[string]string{}}
	list, err := e.list(ctx)
	if err != nil {
		return out, err
	}
	var ours []container.Summary
	for _, c := range list {
		name := containerName(c)
		if owned(e.Site, name, c.Labels) {
			ours = append(ours, c)
		} else {
			out.Taken[name] = describe(c)
		}
	}
	if err := e.inspectChanged(ctx, ours, stale); err != nil {
		return out, err
	}
	e.mu.Lock()
	for _, c := range ours {
		if s, ok := e.seen[c.ID]; ok {
			out.Containers[s.container.Name] = s.container
		}
	}
	e.mu.Unlock()
	around, err := e.surroundings(ctx, want, world)
	if err != nil {
		return out, err
	}
	out.Network, out.Volumes, out.Images = around.network, around.volumes, maps.Clone(around.images)
	for _, c := range out.Containers {
		delete(out.Network.Taken, c.Addr)
	}
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

func describe(c container.Summary) string {
	if site := c.Labels[labelSite]; site != "" && c.Labels[labelName] == containerName(c) {
		return fmt.Sprintf("site %s of another havn", site)
	}
	return "a container of image " + c.Image
}

// listKey changes when a container does, but not as its uptime does.
func listKey(c container.Summary) string {
	health := ""
	if i := strings.IndexByte(c.Status, '('); i >= 0 && strings.HasPrefix(c.Status, "Up") {
		health = c.Status[i:]
	}
	key := string(c.State) + health
	if c.NetworkSettings != nil {
		for name, n := range c.NetworkSettings.Networks {
			key += " " + name + "=" + n.IPAddress
		}
	}
	return key
}

// inspectChanged inspects the containers that may have changed since they were
// last seen, and forgets those that are gone.
func (e *Engine) inspectChanged(ctx context.Context, list []container.Summary, stale map[string]bool) error {
	e.mu.Lock()
	trust := e.subscribed
	seen := maps.Clone(e.seen)
	e.mu.Unlock()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	fresh := make([]*sighting, len(list))
	for i, c := range list {
		before, known := seen[c.ID]
		key := listKey(c)
		if known && trust && !stale[c.ID] && before.key == key && before.container.State != plan.Restarting {
			fresh[i] = &before
			continue
		}
		g.Go(func() error {
			s, err := e.inspect(gctx, c.ID, before)
			if s != nil {
				s.key = key
			}
			fresh[i] = s
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	now := map[string]sighting{}
	for i, s := range fresh {
		if s != nil {
			now[list[i].ID] = *s
		}
	}
	e.mu.Lock()
	e.seen = now
	e.mu.Unlock()
	return nil
}

// inspect looks at one container; nil if it has gone meanwhile.
func (e *Engine) inspect(ctx context.Context, id string, before sighting) (*sighting, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectDeadline)
	defer cancel()
	i, err := e.cli.ContainerInspect(ctx, id)
	if cerrdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, ok := identity(i.Config.Labels)
	if !ok {
		return nil, nil
	}
	c.ID, c.State = i.ID, plan.State(i.State.Status)
	c.Restarts, c.ExitCode, c.OOM = i.RestartCount, i.State.ExitCode, i.State.OOMKilled
	c.CreatedAt, _ = time.Parse(time.RFC3339Nano, i.Created)
	c.StartedAt = startedAt(i.State.StartedAt, before)
	c.Checked = i.Config.Healthcheck != nil && len(i.Config.Healthcheck.Test) > 0 && i.Config.Healthcheck.Test[0] != "NONE"
	if c.Checked {
		c.Health = dockerHealth(i.State.Health, before.container.Health)
	}
	if c.State == plan.Running || c.State == plan.Paused {
		c.Drift = e.drift(c, i)
	}
	return &sighting{container: c, runs: i.State.StartedAt}, nil
}

// startedAt is when this run of a container began, by the clock of this process:
// Docker's word at first sight, unless that is in the future.
func startedAt(docker string, before sighting) time.Time {
	if before.runs == docker {
		return before.container.StartedAt
	}
	now := time.Now()
	t, err := time.Parse(time.RFC3339Nano, docker)
	if err != nil || t.After(now) {
		return now
	}
	return t
}

// dockerHealth is what Docker's own HEALTHCHECK says.
func dockerHealth(h *container.Health, before plan.Health) plan.Health {
	if h == nil {
		return plan.Health{}
	}
	out := plan.Health{Ready: h.Status == container.Healthy, Unhealthy: h.Status == container.Unhealthy, Since: time.Now()}
	if out.Ready == before.Ready && out.Unhealthy == before.Unhealthy && !before.Since.IsZero() {
		out.Since = before.Since
	}
	if n := len(h.Log); n > 0 {
		last := h.Log[n-1]
		out.Last = fmt.Sprintf("health check exited with %d", last.ExitCode)
		if text := strings.Join(strings.Fields(last.Output), " "); text != "" {
			out.Last += ": " + text[:min(len(text), 200)]
		}
	}
	return out
}

// drift compares the effective configuration with what the release asks for.
func (e *Engine) drift(c plan.Container, i container.InspectResponse) string {
	end := i.NetworkSettings.Networks[e.Site]
	r, h := resources(c.Release.Service.Resources), i.HostConfig
	switch {
	case c.State == plan.Paused:
		return "somebody paused it"
	case end == nil:
		return "it was disconnected from the network"
	case end.IPAddress != "" && end.IPAddress != c.Addr.String():
		return fmt.Sprintf("its address is %s, should be %s", end.IPAddress, c.Addr)
	case h.RestartPolicy.Name != container.RestartPolicyUnlessStopped:
		return fmt.Sprintf("its restart policy is %s, should be unless-stopped", h.RestartPolicy.Name)
	case h.Memory != r.Memory:
		return fmt.Sprintf("its memory limit is %d, should be %d", h.Memory, r.Memory)
	case h.NanoCPUs != r.NanoCPUs:
		return fmt.Sprintf("its CPU limit is %d nano CPUs, should be %d", h.NanoCPUs, r.NanoCPUs)
	case r.PidsLimit != nil && (h.PidsLimit == nil || *h.PidsLimit != *r.PidsLimit):
		return "its limit of processes was changed"
	}
	return ""
}

// surroundings returns networks, volumes and images, asked anew if they may have
// changed or the site wants ones that are not known yet.
func (e *Engine) surroundings(ctx context.Context, want spec.Site, world bool) (surroundings, error) {
	e.mu.Lock()
	known, trust := e.known, e.subscribed
	e.mu.Unlock()
	if trust && !world && known.covers(want) {
		known.network.Taken = maps.Clone(known.network.Taken)
		return known, nil
	}
	now := surroundings{volumes: map[string]plan.Volume{}, images: map[string]plan.Image{}}
	var err error
	if now.network, err = e.observeNetwork(ctx); err != nil {
		return now, err
	}
	for _, name := range want.VolumeNames() {
		v, err := e.observeVolume(ctx, name)
		if err != nil {
			return now, err
		}
		if v != nil {
			now.volumes[name] = *v
		}
	}
	for _, s := range want.Services {
		if now.images[s.Image], err = e.observeImage(ctx, s.Image); err != nil {
			return now, err
		}
	}
	e.mu.Lock()
	e.known = now
	e.mu.Unlock()
	now.network.Taken = maps.Clone(now.network.Taken)
	return now, nil
}

// covers: everything the site names was there when the surroundings were seen,
// or known not to be.
func (s surroundings) covers(want spec.Site) bool {
	if s.images == nil || !s.network.Exists {
		return false
	}
	for _, service := range want.Services {
		if _, ok := s.images[service.Image]; !ok {
			return false
		}
	}
	for name := range want.Volumes {
		if _, ok := s.volumes[name]; !ok {
			return false
		}
	}
	return true
}

// takeDirt returns what may have changed since the last call, and starts anew:
// an event that comes while the caller looks is for the next call.
func (e *Engine) takeDirt() (stale map[string]bool, world bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	stale, world = e.stale, e.world
	e.stale, e.world = map[string]bool{}, false
	return stale, world
}

func (e *Engine) putDirt(stale map[string]bool, world bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	maps.Copy(e.stale, stale)
	e.world = e.world || world
}

func (e *Engine) forgetWorld() { e.putDirt(nil, true) }
