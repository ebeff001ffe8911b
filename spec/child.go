package spec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ChildArg is the first argument of a process that evaluates a snapshot and ends.
// A program that calls [Load] begins its main with
//
//	if spec.IsChild() { os.Exit(spec.RunChild()) }
const ChildArg = "evaluate-snapshot"

// Bounds of an evaluation. CUE has none of its own: a few bytes of it can ask for
// all memory there is (see the tests).
const (
	baseTime   = 10 * time.Second
	timeAFile  = 10 * time.Millisecond
	cpuSeconds = 60
	// addressSpace leaves Go's runtime the room it reserves; below 1 GiB it fails.
	addressSpace = 3 << 30
	maxOutput    = 64 << 20
)

// Load reads a directory into a Site. The error is [Problems] if the directory
// is at fault. The evaluation happens in a child process with limits on time,
// memory and output, so nothing a spec says can hold or swell this process.
func Load(ctx context.Context, dir string) (Site, error) {
	snapshot, err := TakeSnapshot(dir)
	if err != nil {
		return Site{}, err
	}
	return snapshot.Evaluate(ctx)
}

// An answer is what the child prints.
type answer struct {
	Site     Site     `json:"site"`
	Problems Problems `json:"problems,omitempty"`
}

// Evaluate evaluates the snapshot in a child process, as [Load] does.
func (s Snapshot) Evaluate(ctx context.Context) (Site, error) {
	limit := baseTime + time.Duration(len(s.Files))*timeAFile
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	input, err := json.Marshal(s)
	if err != nil {
		return Site{}, fmt.Errorf("evaluate: %w", err)
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", ChildArg)
	cmd.Env = []string{"GOGC=400", "GOTRACEBACK=none", "HOME=/", "CUE_REGISTRY=none", "CUE_CACHE_DIR=/nonexistent"}
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(input)
	out, errOut := &capped{max: maxOutput}, &capped{max: 64 << 10}
	cmd.Stdout, cmd.Stderr = out, errOut
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	switch {
	case out.over:
		return Site{}, Problems{{What: "the spec evaluates to more than 64 MiB", Expected: "less generated text"}}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return Site{}, Problems{{What: fmt.Sprintf("the spec takes more than %s to evaluate", limit), Expected: s.costly()}}
	case ctx.Err() != nil:
		return Site{}, ctx.Err()
	case err != nil:
		return Site{}, s.crashed(cmd.ProcessState, errOut.String(), err)
	}
	var a answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		return Site{}, fmt.Errorf("evaluate: read the answer: %w", err)
	}
	if err := a.Problems.orNil(); err != nil {
		return Site{}, err
	}
	return a.Site, nil
}

// costly names where to look in a spec that asks for too much.
func (s Snapshot) costly() string {
	return fmt.Sprintf("a spec without unbounded lists, loops or repeated strings; look at what changed last among its %d files", len(s.Files))
}

// crashed explains a child that did not answer.
func (s Snapshot) crashed(state *os.ProcessState, stderr string, err error) error {
	memory := strings.Contains(stderr, "out of memory") || strings.Contains(stderr, "cannot allocate") ||
		strings.Contains(stderr, "stack exceeds") || strings.Contains(stderr, "stack overflow") || strings.Contains(stderr, "failed to create new OS thread")
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGXCPU {
		return Problems{{What: fmt.Sprintf("the spec takes more than %d s of processor time to evaluate", cpuSeconds), Expected: s.costly()}}
	}
	if memory {
		return Problems{{What: "the spec takes more memory to evaluate than it may", Expected: s.costly()}}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	return fmt.Errorf("evaluate: the child ended without an answer: %w: %s", err, first)
}

// capped keeps the first max bytes written to it.
type capped struct {
	bytes.Buffer
	max  int
	over bool
}

func (c *capped) Write(p []byte) (int, error) {
	if c.Len()+len(p) > c.max {
		c.over = true
		return 0, errors.New("too much output")
	}
	return c.Buffer.Write(p)
}

// IsChild: this process is to evaluate a snapshot, and nothing else.
func IsChild() bool { return len(os.Args) == 2 && os.Args[1] == ChildArg }

// RunChild reads a snapshot from standard input, evaluates it under limits and
// prints the answer. It returns the exit code.
func RunChild() int {
	if err := limitSelf(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var s Snapshot
	if err := json.NewDecoder(os.Stdin).Decode(&s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var a answer
	site, err := Evaluate(s)
	if !errors.As(err, &a.Problems) && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	a.Site = site
	if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// limitSelf bounds what this process may use (setrlimit(2)).
func limitSelf() error {
	debug.SetMaxStack(256 << 20)
	limits := map[int]uint64{unix.RLIMIT_CPU: cpuSeconds, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0}
	if !raceEnabled {
		limits[unix.RLIMIT_AS] = addressSpace
	}
	for which, limit := range limits {
		if err := unix.Setrlimit(which, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return fmt.Errorf("set limit %d: %w", which, err)
		}
	}
	return nil
}
