package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/pkg/stdcopy"

	"havn.internal/reconciler/plan"
)

// pullGateway bounds the pull of nginx's image.
const pullGateway = 10 * time.Minute

// A GatewayContainer is nginx in a container on the host network. The engine
// restarts it, also after a reboot, so it serves without havn.
type GatewayContainer struct {
	engine *Engine
	// dir is nginx's directory, mounted at the same path, so that one path is
	// good inside and outside.
	dir string

	mu  sync.Mutex
	pid int
}

// Gateway returns the site's gateway container, whether it exists or not. dir is
// nginx's directory.
func (e *Engine) Gateway(dir string) *GatewayContainer {
	return &GatewayContainer{engine: e, dir: dir}
}

func (g *GatewayContainer) name() string { return g.engine.Site + "-gateway" }

// Start creates the container unless it is there, and starts it. One that exists
// is left as it is: to replace it is an outage.
func (g *GatewayContainer) Start(ctx context.Context, conf string) error {
	i, err := g.engine.cli.ContainerInspect(ctx, g.name())
	switch {
	case cerrdefs.IsNotFound(err):
		return g.create(ctx, conf)
	case err != nil:
		return err
	case i.Config.Labels[labelSite] != g.engine.Site || i.Config.Labels[labelRole] != roleGateway || i.Config.Labels[labelName] != g.name():
		return fmt.Errorf("a container named %s exists and is not havn's; remove or rename it", g.name())
	case i.State.Running:
		return nil
	}
	// One that is not running serves nobody, so it may as well be made anew, of
	// the image and the configuration of today.
	if err := g.engine.cli.ContainerRemove(ctx, i.ID, container.RemoveOptions{}); err != nil && !cerrdefs.IsNotFound(err) {
		return err
	}
	return g.create(ctx, conf)
}

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
	no := false
	config := &container.Config{
		Image: e.NginxImage, Entrypoint: []string{"nginx"}, Cmd: []string{"-c", conf, "-g", "daemon off;"},
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
		LogConfig:   container.LogConfig{Type: "local", Config: map[string]string{"max-size": "10m", "max-file": "3"}},
		Mounts:      []mount.Mount{{Type: mount.TypeBind, Source: g.dir, Target: g.dir}},
		Init:        &no, // nginx is process 1: the engine's signals and its pid are the master's
	}
	made, err := e.cli.ContainerCreate(ctx, config, host, nil, nil, g.name())
	if err != nil {
		return err
	}
	if err := e.cli.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		e.discard(context.WithoutCancel(ctx), made.ID)
		return err
	}
	return nil
}

// Master returns the pid of nginx's master as this machine sees it, 0 if it does
// not run.
func (g *GatewayContainer) Master(ctx context.Context) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pid != 0 && isMaster(g.pid) {
		return g.pid, nil
	}
	ctx, cancel := context.WithTimeout(ctx, inspectDeadline)
	defer cancel()
	i, err := g.engine.cli.ContainerInspect(ctx, g.name())
	switch {
	case cerrdefs.IsNotFound(err):
		g.pid = 0
	case err != nil:
		return 0, err
	case i.Config.Labels[labelSite] != g.engine.Site || i.Config.Labels[labelRole] != roleGateway:
		g.pid = 0
	case i.State.Status != container.StateRunning:
		g.pid = 0
	default:
		g.pid = i.State.Pid
	}
	return g.pid, nil
}

// isMaster: the process is an nginx master. A pid by itself may have been given
// to somebody else.
func isMaster(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && bytes.HasPrefix(line, []byte("nginx: master"))
}

// Test has nginx judge a configuration (nginx -t) and returns what it printed;
// err is set if it refused or could not be run. As root it is run in the
// container's file system, which takes a tenth of the time of an exec.
func (g *GatewayContainer) Test(ctx context.Context, conf string) (string, error) {
	pid, err := g.Master(ctx)
	if err != nil {
		return "", err
	}
	if pid == 0 {
		return "", errors.New("nginx does not run")
	}
	args := []string{"-t", "-q", "-c", conf}
	root := fmt.Sprintf("/proc/%d/root", pid)
	binary, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if os.Geteuid() != 0 || err != nil {
		return g.exec(ctx, append([]string{"nginx"}, args...))
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Path = filepath.Clean(binary)
	cmd.Err = nil
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Pdeathsig: syscall.SIGKILL}
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

// exec runs a command in the gateway container by way of the engine.
func (g *GatewayContainer) exec(ctx context.Context, command []string) (string, error) {
	cli := g.engine.cli
	made, err := cli.ContainerExecCreate(ctx, g.name(), container.ExecOptions{Cmd: command, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return "", err
	}
	conn, err := cli.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &out, conn.Reader); err != nil {
		return out.String(), err
	}
	i, err := cli.ContainerExecInspect(ctx, made.ID)
	if err == nil && i.ExitCode != 0 {
		err = fmt.Errorf("nginx exited with %d", i.ExitCode)
	}
	return out.String(), err
}

// Signal sends the master a signal: directly if this process may, else by way of
// the engine.
func (g *GatewayContainer) Signal(ctx context.Context, s syscall.Signal) error {
	pid, err := g.Master(ctx)
	if err != nil {
		return err
	}
	if pid == 0 {
		return errors.New("nginx does not run")
	}
	if isMaster(pid) && syscall.Kill(pid, s) == nil {
		return nil
	}
	return g.engine.cli.ContainerKill(ctx, g.name(), fmt.Sprint(int(s)))
}

// Version returns nginx's version, "1.30.4".
func (g *GatewayContainer) Version(ctx context.Context) (string, error) {
	pid, err := g.Master(ctx)
	if err != nil || pid == 0 {
		return "", errors.Join(err, errors.New("nginx does not run"))
	}
	binary, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	var out string
	if os.Geteuid() != 0 || err != nil {
		out, err = g.exec(ctx, []string{"nginx", "-v"})
	} else {
		cmd := exec.CommandContext(ctx, binary, "-v")
		cmd.Path, cmd.Err, cmd.Dir = filepath.Clean(binary), nil, "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: fmt.Sprintf("/proc/%d/root", pid)}
		text, runErr := cmd.CombinedOutput()
		out, err = string(text), runErr
	}
	if err != nil {
		return "", err
	}
	_, version, ok := strings.Cut(strings.TrimSpace(out), "nginx/")
	if !ok {
		return "", fmt.Errorf("nginx -v says %q", out)
	}
	version, _, _ = strings.Cut(version, " ")
	return version, nil
}

// Logs returns what the container printed last: why nginx did not start.
func (g *GatewayContainer) Logs(ctx context.Context) ([]string, error) {
	return g.engine.Tail(ctx, g.name(), 5)
}
