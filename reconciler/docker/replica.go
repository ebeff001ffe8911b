package docker

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/plan"
)

// Start creates the replica unless it is there, and starts it. A reply that got
// lost is no harm: the next Start finds the container and takes it.
func (e *Engine) Start(ctx context.Context, a plan.Start) error {
	if err := e.writeFiles(a.Release.Service); err != nil {
		return err
	}
	b, err := e.build(a)
	if err != nil {
		return fmt.Errorf("%w: %w", apply.ErrRelease, err)
	}
	id, err := e.create(ctx, a, b)
	if err != nil {
		return err
	}
	defer e.touch(id)
	startCtx, cancel := context.WithTimeout(ctx, startDeadline)
	defer cancel()
	if err := e.cli.ContainerStart(startCtx, id, container.StartOptions{}); err != nil {
		e.discard(context.WithoutCancel(ctx), id)
		return classify(err)
	}
	return nil
}

// create returns the ID of the container, made now or found.
func (e *Engine) create(ctx context.Context, a plan.Start, b blueprint) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, createDeadline)
	defer cancel()
	made, err := e.cli.ContainerCreate(ctx, b.config, b.host, b.net, nil, a.Name)
	if cerrdefs.IsConflict(err) {
		return e.adopt(ctx, a)
	}
	if err != nil {
		return "", classify(err)
	}
	if err := e.verify(ctx, made.ID, b); err != nil {
		e.discard(context.WithoutCancel(ctx), made.ID)
		return "", err
	}
	return made.ID, nil
}

// adopt takes the container that has the name already, if it is the one that
// would be made.
func (e *Engine) adopt(ctx context.Context, a plan.Start) (string, error) {
	have, err := e.cli.ContainerInspect(ctx, a.Name)
	if err != nil {
		return "", fmt.Errorf("the name is taken, and: %w", err)
	}
	labels := have.Config.Labels
	if !owned(e.Site, a.Name, labels) || labels[labelFingerprint] != string(a.Fingerprint) {
		return "", fmt.Errorf("the name is taken by a container of image %s that is not havn's; remove or rename it", have.Config.Image)
	}
	return have.ID, nil
}

// verify compares what the engine made of the request with the request, before
// anything runs: an engine, plugin or proxy in between may have changed it.
func (e *Engine) verify(ctx context.Context, id string, b blueprint) error {
	i, err := e.cli.ContainerInspect(ctx, id)
	if err != nil {
		return err
	}
	h := i.HostConfig
	switch {
	case h.Privileged:
		return errors.New("the engine made it privileged")
	case h.PidMode.IsHost() || h.IpcMode.IsHost() || h.NetworkMode.IsHost() || h.UTSMode.IsHost():
		return errors.New("the engine gave it a namespace of the host")
	case !hasOption(h.SecurityOpt, "no-new-privileges"):
		return errors.New("the engine dropped no-new-privileges")
	case len(h.Mounts) != len(b.host.Mounts) || len(h.Binds) != 0 || len(h.Devices) != 0:
		return errors.New("the engine changed its mounts or devices")
	case h.Memory != b.host.Memory || h.NanoCPUs != b.host.NanoCPUs:
		return errors.New("the engine changed its limits")
	}
	return nil
}

func hasOption(options []string, prefix string) bool {
	for _, o := range options {
		if strings.HasPrefix(o, prefix) {
			return true
		}
	}
	return false
}

// discard removes a container that never ran. What fails here is found and
// removed by a later pass.
func (e *Engine) discard(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, createDeadline)
	defer cancel()
	i, err := e.cli.ContainerInspect(ctx, id)
	if err != nil || i.State.Status != container.StateCreated {
		return
	}
	if err := e.cli.ContainerRemove(ctx, id, container.RemoveOptions{}); err != nil && !cerrdefs.IsNotFound(err) {
		e.Log.Warn("a container that could not start stays for now", "container", i.Name, "err", err)
	}
}

// The engine reports what lies with the image or the spec in words of the OCI
// runtime, under several status codes.
var releaseFaults = regexp.MustCompile(`(?i)executable file not found|no such file or directory: unknown|exec format error|` +
	`unable to find (user|group)|no matching entries in passwd|permission denied: unknown|not a directory: unknown|` +
	`no command specified|invalid (mount|capability|CapAdd|CapDrop)|unknown capability|Duplicate mount point|invalid reference format`)

// classify marks the failures that lie with the release, and shortens the OCI
// runtime's wording to its last part.
func classify(err error) error {
	if !releaseFaults.MatchString(err.Error()) {
		return err
	}
	return fmt.Errorf("%w: %s", apply.ErrRelease, runtimeError(err.Error()))
}

func runtimeError(text string) string {
	text = strings.TrimSuffix(text, ": unknown")
	for _, prefix := range []string{"unable to start container process: ", "container_linux.go", "starting container process caused: "} {
		if i := strings.LastIndex(text, prefix); i >= 0 {
			text = text[i:]
			text = strings.TrimPrefix(text, prefix)
		}
	}
	return strings.TrimPrefix(text, "Error response from daemon: ")
}

// Stop sends the stop signal, and SIGKILL after the grace. A container that does
// not run, or is gone, is fine.
func (e *Engine) Stop(ctx context.Context, a plan.Stop) error {
	ctx, cancel := context.WithTimeout(ctx, a.Grace+stopSlack)
	defer cancel()
	defer e.touch(a.ID)
	seconds := int((a.Grace + time.Second - 1) / time.Second)
	err := e.cli.ContainerStop(ctx, a.ID, container.StopOptions{Signal: e.stopSignal(a), Timeout: &seconds})
	if cerrdefs.IsNotFound(err) || cerrdefs.IsNotModified(err) {
		return nil
	}
	return err
}

// stopSignal is empty for an engine that does not take one with the call (API
// before 1.42); it then uses the one the container was created with.
func (e *Engine) stopSignal(a plan.Stop) string {
	if e.cli.ClientVersion() < "1.42" {
		return ""
	}
	return a.Signal
}

// Remove deletes a container that does not run. Its volumes stay.
func (e *Engine) Remove(ctx context.Context, a plan.Remove) error {
	ctx, cancel := context.WithTimeout(ctx, createDeadline)
	defer cancel()
	defer e.touch(a.ID)
	err := e.cli.ContainerRemove(ctx, a.ID, container.RemoveOptions{})
	if cerrdefs.IsNotFound(err) || err != nil && strings.Contains(err.Error(), "is already in progress") {
		return nil
	}
	return err
}

// touch has the next Observe look at the container again, though its event may
// not have come yet.
func (e *Engine) touch(id string) { e.putDirt(map[string]bool{id: true}, false) }
