package docker

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"havn.internal/reconciler/plan"
)

// A container that could not be inspected is tried again after wedgedRetry: one
// that hangs must not cost every pass its deadline.
const wedgedRetry = 30 * time.Second

// mostSaid bounds what is kept of a health check's output, in bytes.
const mostSaid = 200

// A sighting is a container as it was last inspected.
type sighting struct {
	// key is what the list said then; another key means that it changed.
	key       string
	container plan.Container
	// runs is Docker's StartedAt of the run that container.StartedAt belongs to.
	runs string
	// retry is set if the inspection failed: when to try again.
	retry time.Time
}

// inspect looks at one container; nil if it has gone meanwhile.
func (e *Engine) inspect(ctx context.Context, id string, before sighting) (*sighting, error) {
	ctx, cancel := context.WithTimeout(ctx, lookDeadline)
	defer cancel()
	i, err := e.cli.ContainerInspect(ctx, id)
	if cerrdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, _ := identity(i.Config.Labels)
	c.ID, c.State = i.ID, plan.State(i.State.Status)
	c.Restarts, c.ExitCode, c.OOM = i.RestartCount, i.State.ExitCode, i.State.OOMKilled
	if c.State == plan.Running && c.Restarts > 0 && c.ExitCode == 0 {
		c.ExitCode, c.OOM = e.lastEnd(id, before)
	}
	c.CreatedAt, _ = time.Parse(time.RFC3339Nano, i.Created)
	c.StartedAt = startedAt(i.State.StartedAt, before)
	c.Checked, c.Check = hasCheck(i.Config.Healthcheck), checkOf(i.Config.Healthcheck)
	if c.Checked && c.State == plan.Running {
		if before.runs != i.State.StartedAt {
			before.container.Health = plan.Health{}
		}
		c.Health = dockerHealth(i.State.Health, before.container.Health)
	}
	if c.State != plan.Removing && c.State != plan.Dead {
		c.Drift = e.drift(c, i)
		end := i.NetworkSettings.Networks[e.Site]
		c.Unreachable = end == nil || end.IPAddress != "" && end.IPAddress != c.Addr.String()
	}
	return &sighting{container: c, runs: i.State.StartedAt}, nil
}

// lastEnd is how the run before this one ended, as far as it was seen.
func (e *Engine) lastEnd(id string, before sighting) (code int, oom bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if end, known := e.ends[id]; known {
		return end.code, end.oom
	}
	return before.container.ExitCode, before.container.OOM
}

// listed is a container of which there is no more than its line in the list.
func listed(line container.Summary, before sighting) *sighting {
	s := before
	s.retry = time.Now().Add(wedgedRetry)
	state := plan.State(line.State)
	if before.container.ID == "" {
		s.container, _ = identity(line.Labels)
		s.container.ID, s.container.CreatedAt = line.ID, time.Unix(line.Created, 0)
		s.container.Checked = listedHealth(line) != ""
	}
	c := &s.container
	if state == plan.Running && c.State != plan.Running {
		c.StartedAt = time.Now()
	}
	if state == plan.Exited {
		text, _, _ := strings.Cut(strings.TrimPrefix(line.Status, "Exited ("), ")")
		c.ExitCode, _ = strconv.Atoi(text)
	}
	if c.Checked {
		status := container.HealthStatus(strings.Trim(listedHealth(line), "()"))
		c.Health = dockerHealth(&container.Health{Status: status}, c.Health)
		c.Health.Last = "the engine can't say more of it"
	}
	c.State = state
	return &s
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
		text := strings.Join(strings.Fields(last.Output), " ")
		out.Said = strings.ToValidUTF8(text[:min(len(text), mostSaid)], "")
	}
	return out
}
