package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// pullGateway bounds the pull of nginx's image, and runDeadline what its nginx does
// beside serving: nginx -t of a thousand services takes seconds.
const (
	pullGateway = 10 * time.Minute
	runDeadline = time.Minute
)

// A GatewayContainer is nginx in a container on the host network. The engine
// restarts it, also after a reboot, so it serves without havn.
type GatewayContainer struct {
	engine *Engine
	// dir is nginx's directory, mounted at the same path, so that one path is
	// good inside and outside.
	dir string

	mu   sync.Mutex
	pid  int
	lost bool
	// news is the count of the engine's as of when pid was looked up.
	news int64
}

// Gateway returns the site's gateway container, whether it exists or not. dir is
// nginx's directory.
func (e *Engine) Gateway(dir string) *GatewayContainer {
	return &GatewayContainer{engine: e, dir: dir}
}

func (g *GatewayContainer) name() string { return g.engine.gatewayName() }

func (e *Engine) gatewayName() string { return e.Site + "-gateway" }

// Start creates the container unless it is there, and starts it. One that runs is
// left as it is: to replace it is an outage.
func (g *GatewayContainer) Start(ctx context.Context, conf string) error {
	i, ours, err := g.find(ctx)
	for until := time.Now().Add(restartPatience); err == nil && i != nil && i.State.Restarting && time.Now().Before(until); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(restartTick):
		}
		i, ours, err = g.find(ctx)
	}
	switch {
	case err != nil:
		return err
	case i == nil:
		return g.create(ctx, conf)
	case !ours:
		return fmt.Errorf("a container named %s exists and is not havn's; remove or rename it", g.name())
	case i.State.Status == container.StateRunning:
		return nil
	}
	// One that is not running serves nobody, so it may as well be made anew, of
	// the image and the configuration of today.
	if err := g.engine.remove(ctx, i.ID, i.State.Restarting); err != nil {
		return err
	}
	return g.create(ctx, conf)
}

// The engine restarts nginx after 100 ms, and waits twice as long after each
// further failure: who fails a few times will not come up by itself soon.
const (
	restartPatience = 2 * time.Second
	restartTick     = 50 * time.Millisecond
)

// inspect returns nil if there is no container of the name.
func (g *GatewayContainer) inspect(ctx context.Context) (*container.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectDeadline)
	defer cancel()
	i, err := g.engine.cli.ContainerInspect(ctx, g.name())
	switch {
	case cerrdefs.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &i, nil
}

// find is inspect with whether the container is the gateway that havn made.
func (g *GatewayContainer) find(ctx context.Context) (i *container.InspectResponse, ours bool, err error) {
	if i, err = g.inspect(ctx); err != nil || i == nil {
		return nil, false, err
	}
	o, err := g.engine.whose(ctx)
	if err != nil {
		return nil, false, err
	}
	stranger, err := g.engine.stranger(ctx, candidateAt(*i), o)
	return i, stranger == "" && i.Config.Labels[labelRole] == roleGateway, err
}

// Master returns the pid of nginx's master as this machine sees it, 0 if it does
// not run, is paused, or runs with another directory. The engine is asked only when
// something has become of the container: every pass wants to know.
func (g *GatewayContainer) Master(ctx context.Context) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	news := g.engine.gatewayNews.Load()
	if g.pid != 0 && g.news == news && isMaster(g.pid) && g.sees(g.pid) {
		return g.pid, nil
	}
	i, ours, err := g.find(ctx)
	if err != nil {
		return 0, err
	}
	g.pid, g.news, g.lost = 0, news, false
	switch {
	case i == nil || !ours || i.State.Status != container.StateRunning:
	case g.sees(i.State.Pid):
		g.pid = i.State.Pid
	default:
		g.lost = true
	}
	return g.pid, nil
}

// Lost: at the last question for the master, the site's nginx ran with a directory that
// is gone, as after the loss of the state directory.
func (g *GatewayContainer) Lost() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lost
}

// isMaster: the process is an nginx master. A pid by itself may have been given
// to somebody else.
func isMaster(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && bytes.HasPrefix(line, []byte("nginx: master"))
}

// sees: the process has this directory, and not a removed one in its place, or
// another's. Where it can't be told, it is believed.
func (g *GatewayContainer) sees(pid int) bool {
	mine, err := os.Stat(g.dir)
	theirs, err2 := os.Stat(fmt.Sprintf("/proc/%d/root%s", pid, g.dir))
	if errors.Is(err2, fs.ErrPermission) || errors.Is(err, fs.ErrPermission) {
		return true
	}
	return err == nil && err2 == nil && os.SameFile(mine, theirs)
}

// Test has nginx judge a configuration (nginx -t) and returns what it printed;
// err is set if it refused or could not be run.
func (g *GatewayContainer) Test(ctx context.Context, conf string) (string, error) {
	return g.run(ctx, "-t", "-q", "-e", "stderr", "-c", conf)
}

// run runs the container's nginx with other arguments: as root in the container's
// file system, which takes a tenth of the time of an exec, else by way of the
// engine.
func (g *GatewayContainer) run(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, runDeadline)
	defer cancel()
	pid, err := g.Master(ctx)
	if err != nil {
		return "", err
	}
	if pid == 0 {
		return "", errors.New("nginx does not run")
	}
	if binary, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && os.Geteuid() == 0 {
		out, err := confined(ctx, fmt.Sprintf("/proc/%d/root", pid), filepath.Clean(binary), args...)
		if !errors.Is(err, fs.ErrPermission) {
			return out, err
		}
	}
	return g.exec(ctx, append([]string{"nginx"}, args...))
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
	// What has been hijacked from the client knows nothing of ctx any more.
	defer context.AfterFunc(ctx, conn.Close)()
	var out bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &out, conn.Reader); err != nil || ctx.Err() != nil {
		return out.String(), errors.Join(ctx.Err(), err)
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
	ctx, cancel := context.WithTimeout(ctx, inspectDeadline)
	defer cancel()
	return g.engine.cli.ContainerKill(ctx, g.name(), strconv.Itoa(int(s)))
}

// Version returns what nginx says of its version (nginx -v).
func (g *GatewayContainer) Version(ctx context.Context) (string, error) { return g.run(ctx, "-v") }

// Logs returns what the container printed last: why nginx did not start.
func (g *GatewayContainer) Logs(ctx context.Context) ([]string, error) {
	return g.engine.Tail(ctx, g.name(), 5)
}

// Outdated says that the container was made of another image than the one that is
// named now.
func (g *GatewayContainer) Outdated(ctx context.Context) (string, error) {
	i, err := g.inspect(ctx)
	if err != nil || i == nil {
		return "", err
	}
	image, err := g.engine.observeImage(ctx, g.engine.NginxImage)
	if err != nil || image.ID == i.Image {
		return "", err
	}
	if i.Config.Image == g.engine.NginxImage && image.ID != "" {
		return fmt.Sprintf("container %s runs an older %s", g.name(), g.engine.NginxImage), nil
	}
	if i.Config.Image != g.engine.NginxImage {
		return fmt.Sprintf("container %s runs %s, wanted is %s", g.name(), i.Config.Image, g.engine.NginxImage), nil
	}
	return "", nil
}

// Replace ends the container.
func (g *GatewayContainer) Replace() string { return "docker rm -f " + g.name() }
