package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Options say which machine to make.
type Options struct {
	// Name of the machine's container and of its network; one that is left over
	// from an earlier run is replaced.
	Name string
	// Image is a machine with a Docker Engine in it.
	Image string
	// Subnet of the network between the test and the machine.
	Subnet netip.Prefix
	// Load are images of the outer engine that the inner one gets.
	Load []string
	// Init lets the image's own systemd be the first process. The machine may have no
	// engine yet, so none is awaited, and nothing is loaded.
	Init bool
	// Beside is a machine whose network this one joins, with the next address; Subnet
	// is not needed then.
	Beside *Host
	// Names are the addresses of machines by the names that this one knows them by.
	Names map[string]netip.Addr
	// Mounts are directories of the outer machine, as docker run --volume takes them.
	Mounts []string
}

// A Host is a machine in a container.
type Host struct {
	Options
	// Addr is the machine's address; it stays over reboots.
	Addr    netip.Addr
	network string
}

// Start makes the machine and waits until its engine answers. Close removes it,
// also if Start failed.
func Start(ctx context.Context, o Options) (*Host, error) {
	h := &Host{Options: o, Addr: o.Subnet.Masked().Addr().Next().Next(), network: o.Name}
	if o.Beside != nil {
		h.Addr, h.network = o.Beside.Addr.Next(), o.Beside.network
	}
	if err := h.Close(); err != nil {
		return h, err
	}
	if o.Beside == nil {
		if _, err := docker(ctx, nil, "network", "create", "--subnet", o.Subnet.Masked().String(), h.network); err != nil {
			return h, fmt.Errorf("host %s: network: %w", o.Name, err)
		}
	}
	if err := h.run(ctx); err != nil {
		return h, fmt.Errorf("host %s: %w", o.Name, err)
	}
	if err := h.await(ctx); err != nil {
		return h, fmt.Errorf("host %s: %w", o.Name, err)
	}
	for _, image := range o.Load {
		if err := h.LoadImage(ctx, image); err != nil {
			return h, err
		}
	}
	return h, nil
}

// Where a machine may not be privileged, it gets all that is allowed one by one.
var rights = [][]string{
	{"--privileged"},
	{
		"--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--device-cgroup-rule", "a *:* rwm",
		"--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined", "--security-opt", "systempaths=unconfined",
		"--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw",
	},
}

// run starts the container. /run is empty after each start, as on a machine.
func (h *Host) run(ctx context.Context) error {
	var refused error
	for _, allowed := range rights {
		args := []string{
			"run", "--detach", "--name", h.Name, "--hostname", h.Name, "--network", h.network, "--ip", h.Addr.String(),
			"--tmpfs", "/run:exec", "--volume", "/var/lib/docker", "--volume", "/var/lib/containerd",
		}
		for _, m := range h.Mounts {
			args = append(args, "--volume", m)
		}
		for name, addr := range h.Names {
			args = append(args, "--add-host", name+":"+addr.String())
		}
		flags, first := []string{"--init"}, []string{"sh", "-c", boot}
		if h.Init {
			flags, first = []string{"--env", "container=docker", "--stop-signal", "SIGRTMIN+3"}, []string{"sh", "-c", systemd}
		}
		args = slices.Concat(args, flags, allowed, []string{h.Image}, first)
		_, err := docker(ctx, nil, args...)
		if err == nil {
			return nil
		}
		refused = errors.Join(refused, err)
		if _, err := docker(ctx, nil, "rm", "--force", "--volumes", h.Name); err != nil {
			return err
		}
	}
	return refused
}

// Close removes the machine, its disk and its network.
func (h *Host) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	remove := [][]string{{"rm", "--force", "--volumes", h.Name}}
	if h.Beside == nil {
		remove = append(remove, []string{"network", "rm", h.network})
	}
	for _, args := range remove {
		if out, err := docker(ctx, nil, args...); err != nil && !gone(out+err.Error()) {
			return fmt.Errorf("host %s: remove: %w", h.Name, err)
		}
	}
	return nil
}

func gone(complaint string) bool {
	lower := strings.ToLower(complaint)
	return strings.Contains(lower, "no such") || strings.Contains(lower, "not found")
}

// Command is a command inside the machine, as root. To end it, end the process
// inside: see [Host.Kill].
func (h *Host) Command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "docker", append([]string{"exec", "--interactive", h.Name}, args...)...)
}

// CommandAs is a command of another user.
func (h *Host) CommandAs(ctx context.Context, user string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "docker", append([]string{"exec", "--interactive", "--user", user, h.Name}, args...)...)
}

// Run runs a command inside the machine to its end and returns what it printed.
func (h *Host) Run(ctx context.Context, args ...string) (string, error) {
	return output(h.Command(ctx, args...), args[0])
}

// Put copies a file or directory of the test into the machine.
func (h *Host) Put(ctx context.Context, from, to string) error {
	if _, err := docker(ctx, nil, "cp", from, h.Name+":"+to); err != nil {
		return fmt.Errorf("host %s: copy %s: %w", h.Name, from, err)
	}
	return nil
}

// docker is the outer engine.
func docker(ctx context.Context, stdin io.Reader, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stdin = stdin
	return output(cmd, "docker "+args[0])
}

// output runs a command; the error carries what it complained of.
func output(cmd *exec.Cmd, name string) (string, error) {
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(complaints.String()))
	}
	return strings.TrimSpace(out.String()), nil
}
