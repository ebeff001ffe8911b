package docker

import (
	"bytes"
	"context"
	"os/exec"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// testCaps are the gateway container's own: with fewer, nginx could not open the
// container's log.
var testCaps = []uintptr{
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_NET_BIND_SERVICE, unix.CAP_KILL,
}

// confined runs a program below another root, without the rights that would let
// it out of there: few capabilities, no new ones, no sight of other processes. It
// returns all that was printed.
func confined(ctx context.Context, root, program string, args ...string) (string, error) {
	var out bytes.Buffer
	done := make(chan error)
	go func() {
		// What is given up is given up by this thread, which ends with the goroutine.
		runtime.LockOSThread()
		if err := giveUp(testCaps); err != nil {
			done <- err
			return
		}
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Path, cmd.Err = program, nil
		cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Chroot: root, Pdeathsig: syscall.SIGKILL,
			Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		}
		cmd.Stdout, cmd.Stderr = &out, &out
		done <- cmd.Run()
	}()
	err := <-done
	return out.String(), err
}

// giveUp limits what this thread's children may ever do to some capabilities.
func giveUp(keep []uintptr) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if slices.Contains(keep, c) {
			continue
		}
		// EINVAL: the kernel does not know the capability.
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil && err != unix.EINVAL {
			return err
		}
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return err
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	return unix.Capset(&head, &data[0])
}
