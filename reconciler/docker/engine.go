// Package docker is the Docker Engine as havn uses it: it says what runs, and
// carries out single acts. It is the only importer of github.com/docker/docker.
//
// A network or volume is havn's if its labels name the site and itself. For a container
// that is not enough, since images and compose files carry labels, too: it is havn's if
// its labels have a proof that only this machine's havn can make; see [Engine.Claim].
//
// Rule of the package: it decides nothing, and it never touches an object that
// is not the site's.
package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
	"golang.org/x/sync/singleflight"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// minAPI is Docker 20.10, the oldest engine havn is tested with.
const minAPI = "1.41"

// smallest is the smallest subnet: half of it has room for a few replicas.
const smallest = 28

// Deadlines of engine calls. A call that takes longer means that nothing is
// known, not that nothing is there.
const (
	listDeadline    = 10 * time.Second
	inspectDeadline = 5 * time.Second
	// lookDeadline is that of one container in an observation, which is held up
	// by it.
	lookDeadline   = 2 * time.Second
	createDeadline = 30 * time.Second
	startDeadline  = 60 * time.Second
	// stopSlack is added to the grace a container has to end.
	stopSlack = 15 * time.Second
)

// Config says which engine, and what of it is the site's.
type Config struct {
	// Host is the engine's address as in DOCKER_HOST; empty for the environment's
	// or the default socket.
	Host string
	// Site names the objects that are ours.
	Site string
	// Subnet is the site's network. Docker's own addresses come from its upper
	// half, havn's from the lower.
	Subnet netip.Prefix
	// State is havn's directory; config files and nginx's configuration lie below.
	State string
	// Policy is what the machine lets specs have of it.
	Policy spec.Policy
	// AdoptVolumes are volumes, by their names in specs, that are the site's though havn
	// did not make them.
	AdoptVolumes []string
	// NginxImage is what the gateway container is made of.
	NginxImage string
	Log        *slog.Logger
}

// An Engine is one Docker Engine and one site on it.
type Engine struct {
	Config
	cli      *client.Client
	platform string // of the engine, "linux/amd64"
	// gatewayNews counts what may have become of the gateway's container.
	gatewayNews atomic.Int64
	pulls       singleflight.Group

	mu sync.Mutex
	// subscribed: the event stream is up, so what has been seen holds until an
	// event says otherwise. epoch counts the streams.
	subscribed bool
	epoch      int
	// looked is when everything was last looked at.
	looked time.Time
	dirt   dirt
	seen   map[string]sighting
	ends   map[string]ending
	// unread: there is a replica whose labels can't be read.
	unread bool
	known  surroundings
	facts  facts
	// owner is what the state directory says of it, nil as long as that was not read or
	// made. named are the container names in labels of images, by the images' IDs.
	owner *owner
	named map[string]string
	// claiming is held by whoever makes the owner.
	claiming sync.Mutex
	// words are what images say, by their content address.
	words map[string]plan.Word
	// fetched are the images that this process brought, with the reference in full, and
	// refused are those that could not be removed, with when that was.
	fetched map[string]string
	refused map[string]time.Time
}

// New connects to the engine. The error says what to do about it.
func New(ctx context.Context, c Config) (*Engine, error) {
	if !c.Subnet.Addr().Is4() || c.Subnet.Bits() > smallest {
		return nil, fmt.Errorf("subnet %s: want an IPv4 network of at least /%d (--subnet)", c.Subnet, smallest)
	}
	opts := []client.Opt{client.FromEnv, client.WithAPIVersionNegotiation()}
	if c.Host != "" {
		opts = append(opts, client.WithHost(c.Host))
	}
	cli, err := client.NewClientWithOpts(opts...)
	if err != nil {
		return nil, fmt.Errorf("docker: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, listDeadline)
	defer cancel()
	cli.NegotiateAPIVersion(ctx)
	info, err := cli.ServerVersion(ctx)
	if err != nil {
		return nil, unreachable(cli.DaemonHost(), err)
	}
	if versions.LessThan(info.APIVersion, minAPI) {
		return nil, fmt.Errorf("docker: engine %s speaks API %s; havn needs %s (Docker 20.10) or newer", info.Version, info.APIVersion, minAPI)
	}
	return &Engine{
		Config: c, cli: cli, platform: info.Os + "/" + info.Arch,
		dirt: dirt{containers: map[string]bool{}}, seen: map[string]sighting{}, ends: map[string]ending{},
		named: map[string]string{},
	}, nil
}

// unreachable explains why the engine does not answer.
func unreachable(host string, err error) error {
	path := strings.TrimPrefix(host, "unix://")
	var op *net.OpError
	switch {
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EACCES) || strings.Contains(err.Error(), "permission denied"):
		return fmt.Errorf("docker: no rights on %s: run havn as root, or as a user in the group of that socket (`usermod -aG docker USER`)", path)
	case path != host && !exists(path):
		return fmt.Errorf("docker: there is no %s: Docker does not run here; start it (`systemctl start docker`) or name another engine with --docker", path)
	case errors.As(err, &op), client.IsErrConnectionFailed(err):
		return fmt.Errorf("docker: %s does not answer: start Docker (`systemctl start docker`) or name another engine with --docker", host)
	}
	return fmt.Errorf("docker: %s: %w", host, err)
}

func exists(path string) bool {
	_, err := os.Stat(filepath.Clean(path))
	return err == nil
}

// Close ends the connection.
func (e *Engine) Close() error { return e.cli.Close() }
