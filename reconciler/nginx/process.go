package nginx

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Process is the nginx that is driven. It outlives havn.
type Process interface {
	// Start brings nginx up with a configuration unless it runs.
	Start(ctx context.Context, conf string) error
	// Master returns the pid of the master as /proc of this process shows it, 0
	// if nginx does not run.
	Master(ctx context.Context) (int, error)
	// Test has nginx judge a configuration (nginx -t): what it printed, and an
	// error if it refused.
	Test(ctx context.Context, conf string) (string, error)
	// Signal sends the master a signal.
	Signal(ctx context.Context, s syscall.Signal) error
	// Version returns nginx's version, "1.30.4".
	Version(ctx context.Context) (string, error)
	// Logs returns the last lines nginx printed before it had a log.
	Logs(ctx context.Context) ([]string, error)
}

// A worker is one worker process. The start time tells it from a later process
// with the same pid.
type worker struct {
	pid     int
	started string
}

// workersOf returns the workers of a master, those that are shutting down
// included.
func workersOf(master int) []worker {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", master, master))
	if err != nil {
		return nil
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
	return out
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
	return worker{pid, rest[startTime]}, true
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
