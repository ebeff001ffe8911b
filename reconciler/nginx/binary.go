package nginx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Binary is an nginx of the host, run in a directory of havn's own. It makes a
// session of its own and outlives havn; to have it after a reboot without havn is
// the init system's part: `nginx -e DIR/error.log -c DIR/current/nginx.conf`.
type Binary struct {
	// Path is the program, and Dir nginx's directory.
	Path, Dir string
}

// Start starts nginx, which goes to the background when its listeners are open.
func (b Binary) Start(ctx context.Context, conf string) error {
	if pid, err := b.Master(ctx); err != nil || pid != 0 {
		return err
	}
	out, err := b.run(ctx, "-e", b.log(), "-c", conf)
	if err == nil {
		return nil
	}
	if why := problems(out); len(why) > 0 {
		return errors.New(strings.Join(why, "; "))
	}
	return fmt.Errorf("%s: %w: %s", b.Path, err, strings.TrimSpace(out))
}

func (b Binary) log() string { return filepath.Join(b.Dir, "error.log") }

// runDeadline bounds what a run of the program may take: a start goes to the
// background, and a test of a thousand services takes seconds.
const runDeadline = time.Minute

func (b Binary) run(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, runDeadline)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, b.Path, args...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Stdout, cmd.Stderr = &out, &out
	// A process that stays behind must not hold this one up by the pipe.
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	return out.String(), err
}

// Master reads nginx's pid file. A killed nginx leaves it behind, so the pid is
// believed only if it is of an nginx master of ours with this directory.
func (b Binary) Master(context.Context) (int, error) {
	text, err := os.ReadFile(filepath.Join(b.Dir, "nginx.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return 0, nil
	}
	if !isMasterOf(pid, b.Dir) {
		return 0, nil
	}
	return pid, nil
}

// Clear ends the workers of a master that was killed: they would keep the port,
// and serve on with what they were told last. What they have under way they
// finish.
func (b Binary) Clear(ctx context.Context) error {
	const patience, tick = 2 * time.Second, 20 * time.Millisecond
	for until := time.Now().Add(patience); ; {
		orphans := b.orphans()
		for _, w := range orphans {
			if err := syscall.Kill(w.pid, syscall.SIGQUIT); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("end nginx worker %d: %w", w.pid, err)
			}
		}
		// One that is leaving has closed its listeners.
		if len(leavingOf(orphans)) == len(orphans) || time.Now().After(until) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tick):
		}
	}
}

// orphans are nginx workers that write to this directory's error log and are
// nobody's.
func (b Binary) orphans() []worker {
	log, err := os.Stat(b.log())
	if err != nil {
		return nil
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var out []worker
	for _, l := range lines {
		line, err := os.ReadFile(l)
		if err != nil || !bytes.HasPrefix(line, []byte("nginx: worker")) {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(l, "/")[2])
		if w, alive := workerAt(pid); err == nil && alive && writes(pid, log) {
			out = append(out, w)
		}
	}
	return out
}

// Test has nginx judge a configuration.
func (b Binary) Test(ctx context.Context, conf string) (string, error) {
	return b.run(ctx, "-t", "-q", "-e", "stderr", "-c", conf)
}

// Signal sends the master a signal.
func (b Binary) Signal(ctx context.Context, s syscall.Signal) error {
	pid, err := b.Master(ctx)
	if err != nil {
		return err
	}
	if pid == 0 {
		return errors.New("nginx does not run")
	}
	return syscall.Kill(pid, s)
}

// Version asks the nginx that runs, or the program if none does. After an upgrade on
// disk the two differ.
func (b Binary) Version(ctx context.Context) (string, error) {
	pid, err := b.Master(ctx)
	if err != nil || pid == 0 {
		return b.run(ctx, "-v")
	}
	f, err := program(pid)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	running := b
	running.Path = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd())
	return running.run(ctx, "-v")
}

// Logs is empty: what nginx says before it has its log, Start returns.
func (b Binary) Logs(context.Context) ([]string, error) { return nil, nil }

// Outdated says that the program on disk is another version than the one that
// runs.
func (b Binary) Outdated(ctx context.Context) (string, error) {
	runs, err := versionIn(b.Version(ctx))
	if err != nil {
		return "", err
	}
	there, err := versionIn(b.run(ctx, "-v"))
	if err != nil || there == runs {
		return "", err
	}
	return fmt.Sprintf("nginx %s runs, %s is %s", runs, b.Path, there), nil
}

// Replace ends nginx when it has answered what it has.
func (b Binary) Replace() string {
	return fmt.Sprintf("kill -QUIT $(cat %s)", filepath.Join(b.Dir, "nginx.pid"))
}
