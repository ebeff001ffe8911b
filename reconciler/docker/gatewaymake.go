package docker

import (
	"cmp"
	"context"
	"fmt"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func (g *GatewayContainer) create(ctx context.Context, conf string) error {
	e := g.engine
	image, err := e.observeImage(ctx, e.NginxImage)
	if err != nil {
		return err
	}
	if image.ID == "" {
		if err := e.Pull(ctx, plan.Pull{Image: e.NginxImage, Deadline: pullGateway}); err != nil {
			return fmt.Errorf("pull %s: %w", e.NginxImage, err)
		}
	}
	if err := e.Claim(ctx); err != nil {
		return err
	}
	config, host := g.blueprint(ctx, conf)
	e.prove(config.Labels)
	ctx, cancel := context.WithTimeout(ctx, createDeadline+startDeadline)
	defer cancel()
	made, err := e.cli.ContainerCreate(ctx, config, host, nil, nil, g.name())
	if err != nil {
		return err
	}
	i, err := e.cli.ContainerInspect(ctx, made.ID)
	if err == nil {
		err = verify(i.HostConfig, host, e.runtime(ctx))
	}
	if err != nil {
		e.discard(context.WithoutCancel(ctx), made.ID)
		return err
	}
	if err := e.cli.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		e.discard(context.WithoutCancel(ctx), made.ID)
		return err
	}
	return nil
}

// blueprint is what the container is created from. It is bounded as replicas are: what
// floods nginx with connections must not take the machine's memory.
func (g *GatewayContainer) blueprint(ctx context.Context, conf string) (*container.Config, *container.HostConfig) {
	e, no := g.engine, false
	limits := e.Policy.Limits
	pids := cmp.Or(limits.GatewayPids, spec.DefaultGatewayPids)
	config := &container.Config{
		Image: e.NginxImage, Entrypoint: []string{"nginx"}, Cmd: []string{"-e", "stderr", "-c", conf, "-g", "daemon off;"},
		Labels:     map[string]string{labelSite: e.Site, labelName: g.name(), labelRole: roleGateway},
		StopSignal: "SIGQUIT",
	}
	host := &container.HostConfig{
		NetworkMode:   "host",
		RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyUnlessStopped},
		CapDrop:       []string{"ALL"},
		// The master binds low ports, hands files to its workers' user, becomes it,
		// and signals them.
		CapAdd:      []string{"NET_BIND_SERVICE", "CHOWN", "DAC_OVERRIDE", "SETUID", "SETGID", "KILL"},
		SecurityOpt: []string{"no-new-privileges:true"},
		// Nothing in the image can be changed, so havn may run its nginx to test.
		ReadonlyRootfs: true,
		LogConfig:      container.LogConfig{Type: "local", Config: map[string]string{"max-size": "10m", "max-file": "3"}},
		Mounts:         []mount.Mount{{Type: mount.TypeBind, Source: g.dir, Target: g.dir}},
		Init:           &no, // nginx is process 1: the engine's signals and its pid are the master's
		Resources:      container.Resources{PidsLimit: &pids, Memory: cmp.Or(limits.GatewayMemory, e.about(ctx).memory/2)},
	}
	return config, host
}
