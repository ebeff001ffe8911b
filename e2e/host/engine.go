package host

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// boot is what the machine does when it is switched on: what Docker's service
// units do, and nothing for havn. dockerd is not restarted if it ends; that is
// for the test to do.
const boot = `
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
	mkdir -p /sys/fs/cgroup/boot
	xargs -rn1 < /sys/fs/cgroup/cgroup.procs > /sys/fs/cgroup/boot/cgroup.procs || :
	sed -e 's/ / +/g' -e 's/^/+/' < /sys/fs/cgroup/cgroup.controllers > /sys/fs/cgroup/cgroup.subtree_control
fi
mount --make-rshared / || :
containerd > /var/log/containerd.log 2>&1 &
until [ -S /run/containerd/containerd.sock ]; do sleep 0.05; done
` + dockerd + `
sleep infinity &
wait`

// dockerd is started so that containers outlive it.
const dockerd = `setsid dockerd --live-restore --containerd /run/containerd/containerd.sock >> /var/log/dockerd.log 2>&1 &`

// systemd boots a machine whose image has it, on cgroups v1 too, and without the
// units that would change the kernel that all machines share. There systemd mounts
// every controller that the kernel has, and one that was in no hierarchy would be in
// one from then on, for all: the outer engine would lose track of its containers. So
// it gets to see those that are in use, mounted where nobody else looks.
const systemd = `
if ! [ -f /sys/fs/cgroup/cgroup.controllers ]; then
	awk 'NR == 1 || $2 > 0' /proc/cgroups > /etc/cgroups
	mount --bind /etc/cgroups /proc/cgroups
	mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
	for c in $(awk 'NR > 1 { print $1 }' /etc/cgroups); do
		mkdir /sys/fs/cgroup/$c && mount -t cgroup -o $c cgroup /sys/fs/cgroup/$c || rmdir /sys/fs/cgroup/$c
	done
	mkdir /sys/fs/cgroup/systemd && mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
fi
exec /sbin/init systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1 \
	systemd.mask=systemd-udevd.service systemd.mask=systemd-modules-load.service systemd.mask=systemd-sysctl.service \
	systemd.mask=systemd-random-seed.service systemd.mask=systemd-timesyncd.service systemd.mask=getty.target`

// await waits until the machine is up.
func (h *Host) await(ctx context.Context) error {
	if !h.Init {
		return h.awaitEngine(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		state, err := h.Run(ctx, "systemctl", "is-system-running", "--wait")
		switch {
		case state == "running":
			return nil
		case state == "degraded":
			failed, _ := h.Run(ctx, "systemctl", "list-units", "--failed", "--plain", "--no-legend")
			return fmt.Errorf("the machine is up, and these units failed: %s", failed)
		case ctx.Err() != nil:
			return fmt.Errorf("the machine does not come up: %s: %w", state, err)
		}
	}
}

// awaitEngine waits until the inner engine answers.
func (h *Host) awaitEngine(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		_, err := h.Run(ctx, "docker", "version")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := docker(context.WithoutCancel(ctx), nil, "exec", h.Name, "tail", "-n", "5", "/var/log/dockerd.log")
			return fmt.Errorf("the inner engine does not answer: %w: %s", err, log)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// LoadImage copies an image of the outer engine to the inner one.
func (h *Host) LoadImage(ctx context.Context, image string) error {
	if err := h.load(ctx, image); err != nil {
		return fmt.Errorf("host %s: load %s: %w", h.Name, image, err)
	}
	return nil
}

func (h *Host) load(ctx context.Context, image string) error {
	save := exec.CommandContext(ctx, "docker", "save", image)
	pipe, err := save.StdoutPipe()
	if err != nil {
		return err
	}
	if err := save.Start(); err != nil {
		return err
	}
	_, err = docker(ctx, pipe, "exec", "--interactive", h.Name, "docker", "load", "--quiet")
	_ = pipe.Close() // who saves what nobody loads any more is told so
	if waited := save.Wait(); err == nil {
		err = waited
	}
	return err
}

// KillEngine ends dockerd at once, as the kernel does when memory runs out.
// Containers run on.
func (h *Host) KillEngine(ctx context.Context) error {
	if _, err := h.Run(ctx, "pkill", "-KILL", "-x", "dockerd"); err != nil {
		return fmt.Errorf("host %s: kill dockerd: %w", h.Name, err)
	}
	for {
		_, err := h.Run(ctx, "pgrep", "-x", "dockerd")
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return nil
		}
	}
}

// StartEngine starts dockerd again and waits until it answers.
func (h *Host) StartEngine(ctx context.Context) error {
	if _, err := docker(ctx, nil, "exec", "--detach", h.Name, "sh", "-c", dockerd+" wait"); err != nil {
		return fmt.Errorf("host %s: start dockerd: %w", h.Name, err)
	}
	return h.awaitEngine(ctx)
}

// Reboot shuts the machine down and starts it again, and waits for its engine.
func (h *Host) Reboot(ctx context.Context) error { return h.restart(ctx, "stop", "--time", "20") }

// PullPlug ends everything in the machine at once and starts it again.
func (h *Host) PullPlug(ctx context.Context) error { return h.restart(ctx, "kill") }

func (h *Host) restart(ctx context.Context, how ...string) error {
	for _, args := range [][]string{append(how, h.Name), {"start", h.Name}} {
		if _, err := docker(ctx, nil, args...); err != nil {
			return fmt.Errorf("host %s: %s: %w", h.Name, strings.Join(how, " "), err)
		}
	}
	return h.await(ctx)
}
