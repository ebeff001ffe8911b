package docker

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// What Docker takes for a HEALTHCHECK that does not say (moby: daemon/health.go).
const (
	usualInterval = 30 * time.Second
	usualTimeout  = 30 * time.Second
	usualFailures = 3
)

// word is what an image says of its containers; nothing if it is not on the host. An
// image is named by its content, so what was read once stays so.
func (e *Engine) word(ctx context.Context, imageID string) (plan.Word, error) {
	e.mu.Lock()
	w, known := e.words[imageID]
	e.mu.Unlock()
	if known {
		return w, nil
	}
	ctx, cancel := context.WithTimeout(ctx, inspectDeadline)
	defer cancel()
	i, err := e.cli.ImageInspect(ctx, imageID)
	if cerrdefs.IsNotFound(err) {
		return plan.Word{}, nil
	}
	if err != nil {
		return plan.Word{}, err
	}
	return e.keepWord(i), nil
}

// mostWords bounds what is remembered of images: more are read anew.
const mostWords = 1000

func (e *Engine) keepWord(i image.InspectResponse) plan.Word {
	w := wordOf(i)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.words == nil || len(e.words) >= mostWords {
		e.words = map[string]plan.Word{}
	}
	e.words[i.ID] = w
	return w
}

func wordOf(i image.InspectResponse) plan.Word {
	c := i.Config
	if c == nil {
		return plan.Word{}
	}
	w := plan.Word{
		StopSignal: c.StopSignal, Entrypoint: c.Entrypoint, Command: c.Cmd, User: c.User,
		Volumes: slices.Sorted(maps.Keys(c.Volumes)), Exposed: slices.Sorted(maps.Keys(c.ExposedPorts)),
		S6: slices.ContainsFunc(c.Env, func(v string) bool { return strings.HasPrefix(v, "S6_") }),
	}
	if h := c.Healthcheck; h != nil && hasTest(h.Test) {
		w.Check = plan.Check{Interval: cmp.Or(h.Interval, usualInterval), Timeout: cmp.Or(h.Timeout, usualTimeout),
			StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Failures: cmp.Or(h.Retries, usualFailures)}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Labels)) {
		if spec.ToolLabel(name) {
			w.Labels = append(w.Labels, name)
		}
	}
	return w
}

// hasTest: it is a HEALTHCHECK that Docker runs.
func hasTest(test []string) bool { return len(test) > 0 && test[0] != "NONE" }

// checkOf is when Docker runs the HEALTHCHECK of a container.
func checkOf(h *container.HealthConfig) plan.Check {
	if !hasCheck(h) {
		return plan.Check{}
	}
	return plan.Check{Interval: cmp.Or(h.Interval, usualInterval), Timeout: cmp.Or(h.Timeout, usualTimeout),
		StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Failures: cmp.Or(h.Retries, usualFailures)}
}

// healthcheck is what Docker runs. A check that havn makes itself switches the
// image's off, so that one thing decides. The image's own is left as it is but for the
// timing that the spec changes or the floor raises; without Test the engine takes over
// the image's.
func healthcheck(s spec.Service, w plan.Word) *container.HealthConfig {
	h := s.Health
	switch h.Kind {
	case spec.HealthExec:
		return &container.HealthConfig{
			Test:     append([]string{"CMD"}, h.Command...),
			Interval: max(h.Interval, spec.ShortestCheck).Std(), Timeout: h.Timeout.Std(), Retries: h.Failures, StartPeriod: h.StartPeriod.Std(),
		}
	case spec.HealthHTTP, spec.HealthTCP:
		return &container.HealthConfig{Test: []string{"NONE"}}
	}
	c := w.CheckOf(s)
	if c == w.Check {
		return nil
	}
	return &container.HealthConfig{
		Interval: c.Interval, Timeout: c.Timeout, StartPeriod: c.StartPeriod, StartInterval: c.StartInterval, Retries: c.Failures,
	}
}
