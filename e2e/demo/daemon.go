package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// start starts `havn run` in a session of its own, so that it outlives the demo.
func (d *demo) start() error {
	log, err := os.Create(d.log)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(d.havn, d.flags()...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := os.WriteFile(d.pidFile(), []byte(strconv.Itoa(cmd.Process.Pid)), 0o644); err != nil {
		return errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return cmd.Process.Release()
}

func (d *demo) flags() []string {
	return []string{"run", "--spec", d.site, "--state", d.state, "--http", d.http, "--log", "json"}
}

func (d *demo) pidFile() string { return filepath.Join(filepath.Dir(d.state), "havn.pid") }

// running returns the demo's havn, 0 if it does not run. A pid that was given to
// another program since is not it.
func (d *demo) running() int {
	text, err := os.ReadFile(d.pidFile())
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		return 0
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !strings.Contains(string(line), d.state) {
		return 0
	}
	return pid
}

// stop ends havn; what it started runs on.
func (d *demo) stop(ctx context.Context) error {
	pid := d.running()
	if pid == 0 {
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop havn: %w", err)
	}
	for d.running() == pid {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// down takes down all that the demo made, its volume too: the data is the demo's
// own. It tells out what is gone; running it with nothing there is fine.
func (d *demo) down(ctx context.Context, out io.Writer) error {
	if err := d.stop(ctx); err != nil {
		return err
	}
	said, err := command(ctx, "", d.havn, "down", "--yes", "--state", d.state)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, said)
	data := d.name + "_redis-data"
	if _, err := command(ctx, "", "docker", "volume", "rm", "--force", data); err != nil {
		return err
	}
	base := filepath.Dir(d.state)
	fmt.Fprintf(out, "gone, too: volume %s, %s\n", data, short(base))
	return os.RemoveAll(base)
}

// A line is one of havn's log.
type line struct {
	Msg      string `json:"msg"`
	Level    string `json:"level"`
	Service  string `json:"service"`
	Step     string `json:"step"`
	Why      string `json:"why"`
	Err      string `json:"err"`
	Revision string `json:"revision"`
}

// follow calls tell with each new line of havn's log until it returns true.
func (d *demo) follow(ctx context.Context, r *bufio.Reader, tell func(line) bool) error {
	partial := ""
	for {
		text, err := r.ReadString('\n')
		partial += text
		switch {
		case err == nil:
			var l line
			if json.Unmarshal([]byte(partial), &l) != nil {
				return fmt.Errorf("havn: %s", strings.TrimSpace(partial))
			}
			partial = ""
			if tell(l) {
				return nil
			}
			continue
		case !errors.Is(err, io.EOF):
			return err
		case d.running() == 0:
			return fmt.Errorf("havn ended; its log is %s", d.log)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("havn has not got there: %w; its log is %s", ctx.Err(), d.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
