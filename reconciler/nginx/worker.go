package nginx

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A worker is one process. The start time tells it from a later process with the
// same pid.
type worker struct {
	pid     int
	started uint64
}

// workersOf returns the workers of a master, those that are shutting down
// included; false if they can't be seen.
func workersOf(master int) ([]worker, bool) {
	before, ok := children(master)
	// The kernel may leave out a child when another ends meanwhile (proc(5)).
	for ok {
		var now []worker
		if now, ok = children(master); slices.Equal(now, before) {
			break
		}
		before = now
	}
	return before, ok && len(before) > 0
}

func children(pid int) ([]worker, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, false
	}
	var out []worker
	for _, field := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			continue
		}
		if w, alive := workerAt(pid); alive {
			out = append(out, w)
		}
	}
	return out, true
}

// workerAt reads /proc/PID/stat (proc(5)); false if the process has ended.
func workerAt(pid int) (worker, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return worker{}, false
	}
	// The second field is the name in parentheses and may hold spaces.
	rest := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const state, startTime = 0, 19 // fields 3 and 22
	if len(rest) <= startTime || rest[state] == "Z" || rest[state] == "X" {
		return worker{}, false
	}
	started, err := strconv.ParseUint(rest[startTime], 10, 64)
	return worker{pid, started}, err == nil
}

func (w worker) alive() bool {
	now, ok := workerAt(w.pid)
	return ok && now == w
}

// leaving: the worker has been told to finish and takes no new connections.
func (w worker) leaving() bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", w.pid))
	return err == nil && bytes.Contains(line, []byte("shutting down"))
}

// sockets returns the inodes of the sockets the worker holds, nil if they can't be
// seen.
func (w worker) sockets() map[string]bool {
	dir := fmt.Sprintf("/proc/%d/fd", w.pid)
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	out := map[string]bool{}
	for _, n := range names {
		to, err := os.Readlink(dir + "/" + n.Name())
		if inode, is := strings.CutPrefix(to, "socket:["); err == nil && is {
			out[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return out
}

// awaitLeaving waits until no worker takes new connections: the first answer of
// the new configuration is given while old workers still do. One that does not
// hear of its end makes the new configuration no less good, so this is no error.
func awaitLeaving(ctx context.Context, ws []worker, until time.Time) {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	takes := func(w worker) bool { return w.alive() && !w.leaving() }
	for slices.ContainsFunc(ws, takes) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func anyAlive(ws []worker) bool { return slices.ContainsFunc(ws, worker.alive) }

func leavingOf(ws []worker) []worker {
	return slices.DeleteFunc(slices.Clone(ws), func(w worker) bool { return !w.leaving() })
}

// ticks are the units of a process's start time (USER_HZ).
const ticks = 100

// anyYounger: one of the workers was started less than d ago.
func anyYounger(ws []worker, d time.Duration) bool {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return false
	}
	up, _, _ := strings.Cut(string(text), " ")
	seconds, err := strconv.ParseFloat(up, 64)
	return err == nil && slices.ContainsFunc(ws, func(w worker) bool {
		return seconds-float64(w.started)/ticks < d.Seconds()
	})
}

// openFiles is how many files a process may open at most, 0 if that can't be seen: the
// hard limit in /proc/PID/limits (proc(5)).
func openFiles(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "Max open files")
	line, _, _ := strings.Cut(rest, "\n")
	const hard = 1
	fields := strings.Fields(line)
	if len(fields) <= hard {
		return 0
	}
	n, err := strconv.Atoi(fields[hard])
	if err != nil {
		return 0
	}
	return n
}
