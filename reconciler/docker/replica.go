package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Start creates the replica unless it is there, and starts it. A reply that got
// lost is no harm: the next Start finds the container and takes it.
func (e *Engine) Start(ctx context.Context, a plan.Start) error {
	id, err := e.made(ctx, a)
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

// made returns the ID of the replica's container, which is created unless it is there.
func (e *Engine) made(ctx context.Context, a plan.Start) (string, error) {
	b, err := e.blueprint(ctx, a)
	if err != nil {
		return "", err
	}
	id, err := e.create(ctx, a, b)
	if lacksImage(err) && a.Release.Service.Pull != spec.PullNever {
		return e.createFetched(ctx, a)
	}
	return id, err
}

// blueprint puts the service's files in place and says what its container is made from.
func (e *Engine) blueprint(ctx context.Context, a plan.Start) (blueprint, error) {
	if err := e.Claim(ctx); err != nil {
		return blueprint{}, err
	}
	w, err := e.word(ctx, a.Release.ImageID)
	if err != nil {
		return blueprint{}, err
	}
	if err := e.writeFiles(a.Release.Service, w); err != nil {
		return blueprint{}, err
	}
	return e.build(a, w)
}

// lacksImage: a container can't be made, since its image is not on the host.
func lacksImage(err error) bool {
	return cerrdefs.IsNotFound(err) && strings.Contains(strings.ToLower(err.Error()), "no such image")
}

// createFetched is create after the image has been fetched again: somebody has
// removed it since the release was resolved. What its reference means by now may
// be something else, and is no replacement then.
func (e *Engine) createFetched(ctx context.Context, a plan.Start) (string, error) {
	ref := a.Release.Service.Image
	if err := e.Pull(ctx, plan.Pull{Image: ref, Deadline: a.Release.Service.Rollout.PullDeadline.Std()}); err != nil {
		return "", fmt.Errorf("no such image: %s was removed from the host, and can't be fetched again: %w", a.Release.ImageID, err)
	}
	// Only now its word is known.
	b, err := e.blueprint(ctx, a)
	if err != nil {
		return "", err
	}
	id, err := e.create(ctx, a, b)
	if lacksImage(err) {
		return "", fmt.Errorf("no such image: %s was removed from the host, and %s is another by now; load it again, or change the spec", a.Release.ImageID, ref)
	}
	return id, err
}

// create returns the ID of the container, made now or found.
func (e *Engine) create(ctx context.Context, a plan.Start, b blueprint) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, createDeadline)
	defer cancel()
	made, err := e.cli.ContainerCreate(ctx, b.config, b.host, b.net, nil, a.Name)
	if cerrdefs.IsConflict(err) {
		if id, inTheWay := e.adopt(ctx, a, b); id != "" || inTheWay != nil {
			return id, inTheWay
		}
		made, err = e.cli.ContainerCreate(ctx, b.config, b.host, b.net, nil, a.Name)
	}
	if err != nil {
		return "", classify(err)
	}
	i, err := e.cli.ContainerInspect(ctx, made.ID)
	if err == nil {
		err = verify(i.HostConfig, b.host, e.runtime(ctx))
	}
	if err == nil && a.Release.Service.Health.Kind == spec.HealthImage && !hasCheck(i.Config.Healthcheck) {
		err = fmt.Errorf("%w: the image has no HEALTHCHECK, and the spec asks for it (health: image)", apply.ErrRelease)
	}
	if err != nil {
		e.discard(context.WithoutCancel(ctx), made.ID)
		return "", err
	}
	return made.ID, nil
}

// hasCheck: Docker runs a health check in the container.
func hasCheck(h *container.HealthConfig) bool {
	return h != nil && hasTest(h.Test)
}

// adopt takes the container that has the name already, if it is the one that would be
// made. One of havn's that does not run and would be made otherwise today, as after a
// change of the machine's policy, is removed, and "" returned.
func (e *Engine) adopt(ctx context.Context, a plan.Start, b blueprint) (string, error) {
	have, err := e.cli.ContainerInspect(ctx, a.Name)
	if err != nil {
		return "", fmt.Errorf("the name is taken, and: %w", err)
	}
	o, err := e.whose(ctx)
	if err != nil {
		return "", err
	}
	stranger, err := e.stranger(ctx, candidateAt(have), o)
	if err != nil {
		return "", err
	}
	labels := have.Config.Labels
	if _, whole := identity(labels); !whole && stranger == "" {
		return "", errors.New("the name is taken by " + unreadable)
	}
	if stranger != "" || labels[labelRole] != roleReplica || labels[labelFingerprint] != string(a.Fingerprint) {
		return "", fmt.Errorf("the name is taken by a container of image %s that is not havn's; remove or rename it", have.Config.Image)
	}
	err = verify(have.HostConfig, b.host, e.runtime(ctx))
	if s := have.State.Status; err != nil && (s == container.StateCreated || s == container.StateExited) {
		return "", e.remove(ctx, have.ID, false)
	}
	if err != nil {
		return "", err
	}
	return have.ID, nil
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
	if err := e.cli.ContainerRemove(ctx, id, container.RemoveOptions{RemoveVolumes: true}); err != nil && !cerrdefs.IsNotFound(err) {
		e.Log.Warn("a container that could not start stays for now", "container", i.Name, "err", err)
	}
}

// Stop sends the stop signal, and SIGKILL after the grace. A container that does
// not run, or is gone, is fine. An engine that takes no signal with the call (API
// before 1.42) uses the one the container was created with.
func (e *Engine) Stop(ctx context.Context, a plan.Stop) error {
	ctx, cancel := context.WithTimeout(ctx, a.Grace+stopSlack)
	defer cancel()
	defer e.touch(a.ID)
	seconds := int((a.Grace + time.Second - 1) / time.Second)
	err := e.cli.ContainerStop(ctx, a.ID, container.StopOptions{Signal: a.Signal, Timeout: &seconds})
	if a.Signal != "" && cerrdefs.IsInvalidArgument(err) {
		// An image may name a signal that there is not; the engine passes over it then.
		err = e.cli.ContainerStop(ctx, a.ID, container.StopOptions{Timeout: &seconds})
	}
	if cerrdefs.IsNotFound(err) || cerrdefs.IsNotModified(err) {
		return nil
	}
	return err
}

// Remove deletes a container that does not run. Named volumes stay.
func (e *Engine) Remove(ctx context.Context, a plan.Remove) error {
	defer e.touch(a.ID)
	return e.remove(ctx, a.ID, false)
}

// remove deletes a container; force also one that runs. One that is gone, or going,
// is fine. The nameless volumes that the engine made for the image's VOLUMEs go with
// it: no other container can ever mount them. RemoveVolumes spares all that have a
// name (moby: Do not remove named mountpoints).
func (e *Engine) remove(ctx context.Context, id string, force bool) error {
	ctx, cancel := context.WithTimeout(ctx, createDeadline)
	defer cancel()
	err := e.cli.ContainerRemove(ctx, id, container.RemoveOptions{Force: force, RemoveVolumes: true})
	if cerrdefs.IsNotFound(err) || err != nil && strings.Contains(err.Error(), "is already in progress") {
		return nil
	}
	return err
}
