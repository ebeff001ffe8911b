package spec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"havn.internal/confine"
)

// childArg is the first argument of a process that evaluates a snapshot and ends.
const childArg = "evaluate-snapshot"

// limits bound an evaluation. CUE has no bounds of its own: a few bytes of it can
// ask for all memory there is (see the tests).
type limits struct {
	time, timeAFile time.Duration
	cpu             uint64 // seconds
	// memory is address space; Go's runtime reserves some, and fails below 1 GiB.
	memory uint64
	output int
}

var usualLimits = limits{time: 10 * time.Second, timeAFile: 10 * time.Millisecond, cpu: 60, memory: 3 << 30, output: 64 << 20}

// Load reads a directory into a Site. The error is [Problems] if the directory
// is at fault. The evaluation happens in a child process with limits on time,
// memory and output, so nothing a spec says can hold or swell this process.
func Load(ctx context.Context, dir string) (Site, error) {
	return LoadFor(ctx, dir, nil)
}

// LoadFor reads a host's part of a directory: without the entries whose `on` is for
// others, and whatever is wrong with them.
func LoadFor(ctx context.Context, dir string, host *Host) (Site, error) {
	return LoadUnder(ctx, dir, host, nil)
}

// LoadUnder is LoadFor with what the machine refuses as Problems, too, unless policy is
// nil.
func LoadUnder(ctx context.Context, dir string, host *Host, policy *Policy) (Site, error) {
	snapshot, err := TakeSnapshot(dir)
	if err != nil {
		return Site{}, err
	}
	snapshot.As, snapshot.Policy = host, policy
	return snapshot.Evaluate(ctx)
}

const (
	// exitOfCPU is the child's exit code when its processor time is used up. A kill could
	// be anybody's; it comes when the child has not ended after some seconds more.
	exitOfCPU  = 75
	graceOfCPU = 5
)

// An answer is what the child prints.
type answer struct {
	Site     Site     `json:"site"`
	Host     HostFile `json:"host,omitzero"`
	Problems Problems `json:"problems,omitempty"`
}

// Evaluate evaluates the snapshot in a child process, as [Load] does.
func (s Snapshot) Evaluate(ctx context.Context) (Site, error) {
	return s.evaluate(ctx, usualLimits)
}

func (s Snapshot) evaluate(ctx context.Context, l limits) (Site, error) {
	a, err := s.ask(ctx, l)
	if err == nil {
		err = a.Problems.orNil()
	}
	if err != nil {
		return Site{}, err
	}
	return a.Site, nil
}

// ask has a child evaluate the snapshot.
func (s Snapshot) ask(outer context.Context, l limits) (answer, error) {
	limit := l.time + time.Duration(len(s.Files))*l.timeAFile
	ctx, cancel := context.WithTimeout(outer, limit)
	defer cancel()
	input, err := json.Marshal(s)
	if err != nil {
		return answer{}, fmt.Errorf("evaluate: %w", err)
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", childArg, strconv.FormatUint(l.cpu, 10), strconv.FormatUint(l.memory, 10))
	// The number of threads is fixed so that the address space they take is, too.
	cmd.Env = []string{"GOMAXPROCS=2", "MALLOC_ARENA_MAX=1", "GOGC=400", "GOTRACEBACK=none", "HOME=/", "CUE_REGISTRY=none", "CUE_CACHE_DIR=/nonexistent"}
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(input)
	out, errOut := &capped{max: l.output}, &capped{max: 64 << 10}
	cmd.Stdout, cmd.Stderr = out, errOut
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err = run(cmd)
	switch {
	case out.over:
		return answer{}, Problems{{What: fmt.Sprintf("the spec evaluates to more than %d MiB", l.output>>20), Expected: "less generated text"}}
	case outer.Err() != nil:
		return answer{}, outer.Err()
	case cmd.ProcessState == nil:
		return answer{}, fmt.Errorf("evaluate: start a child: %w", err)
	case ctx.Err() != nil:
		return answer{}, s.late(cmd.ProcessState, limit)
	case err != nil:
		return answer{}, s.crashed(cmd.ProcessState, errOut.String(), err, l)
	}
	var a answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		return answer{}, fmt.Errorf("evaluate: read the answer: %w", err)
	}
	return a, nil
}

// run runs the child by itself: no socket, no file but the program, no other program, and
// where this is root another user.
func run(cmd *exec.Cmd) error {
	rights := confine.Rights{Read: programFiles, Sockets: confine.NoSockets, Apart: everybodyMayRun()}
	if raceEnabled {
		rights.Read = append(slices.Clone(rights.Read), "/proc") // the race detector reads its own maps
	}
	release, err := confine.Start(rights, cmd.Start)
	if err != nil {
		return err
	}
	defer release()
	// Where memory is short, this is what the kernel ends, and nothing that serves
	// (proc(5), oom_score_adj).
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", cmd.Process.Pid), []byte("1000"), 0)
	return cmd.Wait()
}

// programFiles are this program, and the libraries that one with cgo is linked with.
var programFiles = []string{
	"/proc/self/exe", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo",
}

// everybodyMayRun: another user may execute this program, too.
func everybodyMayRun() bool {
	i, err := os.Stat("/proc/self/exe")
	return err == nil && i.Mode().Perm()&0o001 != 0
}

// costly names where to look in a spec that asks for too much.
func (s Snapshot) costly() string {
	return fmt.Sprintf("a spec without unbounded lists, loops or repeated strings; look at what changed last among its %s", Count(len(s.Files), "file"))
}

// late explains a child that was not done in time. One that had little of a processor
// says nothing of the spec: that is to be tried again.
func (s Snapshot) late(state *os.ProcessState, limit time.Duration) error {
	if had := processorTime(state); had < limit/2 {
		return fmt.Errorf("evaluate: not done within %s, in which the machine had %s of processor time for it; try again when it has less to do", limit, had.Round(time.Millisecond))
	}
	return Problems{{What: fmt.Sprintf("the spec takes more than %s to evaluate", limit), Expected: s.costly()}}
}

func processorTime(state *os.ProcessState) time.Duration {
	return state.UserTime() + state.SystemTime()
}

// crashed explains a child that did not answer. What ended it is the spec's fault if it
// was one of the limits, and else the machine's, to be tried again.
func (s Snapshot) crashed(state *os.ProcessState, stderr string, err error, l limits) error {
	says := func(text string) bool { return strings.Contains(stderr, text) }
	status, ok := state.Sys().(syscall.WaitStatus)
	var by syscall.Signal // 0 is that it ended by itself
	if ok && status.Signaled() {
		by = status.Signal()
	}
	late := processorTime(state) >= time.Duration(l.cpu+graceOfCPU)*time.Second*9/10
	switch {
	case state.ExitCode() == exitOfCPU, by == syscall.SIGKILL && late:
		return Problems{{What: fmt.Sprintf("the spec takes more than %d s of processor time to evaluate", l.cpu), Expected: s.costly()}}
	case by != 0 && !slices.ContainsFunc(memoryTexts, says):
		return fmt.Errorf("evaluate: the child was ended by signal %d (%s) when it had used %d MiB: "+
			"this machine is short of memory, or a person ended it; it is tried again", by, by, peak(state)>>20)
	case says("errno=11"):
		return errors.New("evaluate: this machine starts no further thread for the child; raise the limit of processes (TasksMax, pids.max)")
	case slices.ContainsFunc(memoryTexts, says):
		return Problems{{What: "the spec takes more memory to evaluate than it may", Expected: s.costly()}}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	return fmt.Errorf("evaluate: the child ended without an answer: %w: %s", err, first)
}

// peak is the most memory that the child had, in bytes.
func peak(state *os.ProcessState) int64 {
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss << 10
	}
	return 0
}

// memoryTexts are how Go's runtime says that there is no memory, or no stack.
var memoryTexts = []string{"out of memory", "cannot allocate", "stack exceeds", "stack overflow", "failed to create new OS thread"}

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

// IsChild: this process is to evaluate a snapshot, and nothing else. A program that
// calls [Load] begins its main with
//
//	if spec.IsChild() { os.Exit(spec.RunChild()) }
func IsChild() bool { return len(os.Args) == 4 && os.Args[1] == childArg }

// RunChild reads a snapshot from standard input, evaluates it under limits and
// prints the answer. It returns the exit code.
func RunChild() int {
	if err := limitSelf(os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var s Snapshot
	if err := json.NewDecoder(os.Stdin).Decode(&s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var a answer
	var err error
	if s.Host {
		a.Host, err = evaluateHost(s)
	} else {
		a.Site, err = Evaluate(s)
	}
	if !errors.As(err, &a.Problems) && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// limitSelf bounds what this process may use (setrlimit(2)).
func limitSelf(cpu, memory string) error {
	seconds, err := strconv.ParseUint(cpu, 10, 32)
	if err != nil {
		return err
	}
	addresses, err := strconv.ParseUint(memory, 10, 63)
	if err != nil {
		return err
	}
	debug.SetMaxStack(256 << 20)
	limits := map[int]uint64{unix.RLIMIT_CPU: seconds, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CORE: 0}
	if !raceEnabled {
		limits[unix.RLIMIT_AS] = addresses
	}
	for which, limit := range limits {
		most := limit
		if which == unix.RLIMIT_CPU {
			most += graceOfCPU
		}
		if err := unix.Setrlimit(which, &unix.Rlimit{Cur: limit, Max: most}); err != nil {
			return fmt.Errorf("set limit %d: %w", which, err)
		}
	}
	used := make(chan os.Signal, 1)
	signal.Notify(used, unix.SIGXCPU)
	go func() {
		<-used
		os.Exit(exitOfCPU)
	}()
	return nil
}
