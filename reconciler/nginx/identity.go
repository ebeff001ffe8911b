package nginx

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A process's name and arguments are its owner's to choose, and a pid outlives its
// process in a file. So who it is, is told by what no other user can choose: as whom it
// runs, and which file it runs.

// runsAsUs: the process belongs to root or to the user havn runs as, wholly: a program
// that changes its user when it is started (setuid) belongs to who started it. It is
// read from /proc/PID/status (proc(5)): the owner of /proc/PID itself is root for every
// process that may not be dumped.
func runsAsUs(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		ids, is := strings.CutPrefix(line, "Uid:")
		if !is {
			continue
		}
		ours := []string{"0", strconv.Itoa(os.Geteuid())}
		return !slices.ContainsFunc(strings.Fields(ids), func(id string) bool { return !slices.Contains(ours, id) })
	}
	return false
}

// program opens the file that a process runs, if nobody but root and havn's user can
// have written it. What is opened stays that file, whatever becomes of the pid.
func program(pid int) (*os.File, error) {
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/exe", pid), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "exe")
	info, err := f.Stat()
	if err == nil && !onlyOurs(info) {
		err = errors.New("others may write the program it runs")
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	return f, nil
}

func onlyOurs(info fs.FileInfo) bool {
	const othersWrite = 0o022
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode().IsRegular() && info.Mode()&othersWrite == 0 && (s.Uid == 0 || int(s.Uid) == os.Geteuid())
}

// isMasterOf: the process is an nginx master that was started with a configuration in
// a directory. After an upgrade on disk it runs a file that is no longer there.
func isMasterOf(pid int, dir string) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !bytes.HasPrefix(line, []byte("nginx: master")) || !bytes.Contains(line, []byte(dir+"/")) || !runsAsUs(pid) {
		return false
	}
	f, err := program(pid)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

// writes: the process has the file open for writing, which who may only read it can't.
func writes(pid int, file fs.FileInfo) bool {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, l := range links {
		open, err := os.Stat(l)
		if err != nil || !os.SameFile(open, file) {
			continue
		}
		info, err := os.ReadFile(strings.Replace(l, "/fd/", "/fdinfo/", 1))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(info), "flags:")
		flags, err := strconv.ParseUint(strings.Fields(rest + " x")[0], 8, 64)
		if err == nil && flags&unix.O_ACCMODE != unix.O_RDONLY {
			return true
		}
	}
	return false
}
