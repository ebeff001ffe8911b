package docker

import (
	"context"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
)

// Clear ends a gateway of havn's whose directory was removed: it has the port, serves
// what it was told last, and can be told nothing more. One that somebody paused, which
// has the port and serves nobody, goes on. Otherwise there is nothing to do: with its
// first process a container ends whole.
func (g *GatewayContainer) Clear(ctx context.Context) error {
	i, ours, err := g.find(ctx)
	switch {
	case err != nil || i == nil || !ours:
		return err
	case i.State.Status == container.StatePaused:
		return g.engine.cli.ContainerUnpause(ctx, i.ID)
	case i.State.Status == container.StateRunning && isMaster(i.State.Pid) && !g.sees(i.State.Pid):
		return g.dismiss(ctx, i.ID)
	}
	return nil
}

// dismissGrace is how long the requests of a gateway that can't be told anything may
// take to end: its port is refused meanwhile.
const dismissGrace = time.Second

// dismiss ends the container and removes it.
func (g *GatewayContainer) dismiss(ctx context.Context, id string) error {
	seconds := int(dismissGrace / time.Second)
	err := g.engine.cli.ContainerStop(ctx, id, container.StopOptions{Timeout: &seconds})
	if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsNotModified(err) {
		return err
	}
	return g.engine.remove(ctx, id, true)
}
