package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unicode"
)

// A Fault says what caused a failure. Only [OfCommit] is settled by the commit itself:
// everything else may be over at the next try, and must not hold a commit.
type Fault string

const (
	// Unknown: git said nothing that tells.
	Unknown Fault = ""
	// OfCommit: git's own check refused an object, or a limit of ours was reached.
	OfCommit Fault = "commit"
	// OfNetwork: no connection to the server, or one that was lost.
	OfNetwork Fault = "network"
	// OfServer: the server answered, but not with what was asked for.
	OfServer Fault = "server"
	// OfAccess: a key, a token, a certificate or a known host is wrong or missing.
	OfAccess Fault = "access"
	// OfMachine: this machine lacks space, memory, descriptors or a program.
	OfMachine Fault = "machine"
)

// A Failure is a call of git that went wrong.
type Failure struct {
	// Call is what git was asked, What is why it refused, in one line.
	Call, What string
	Fault      Fault
	// Exit is git's exit code, if it got that far.
	Exit int
	// Signal ended it, if it is not 0.
	Signal syscall.Signal
	// Doubt: the mirror itself may be damaged; see [Mirror.Doubted].
	Doubt bool
}

func (f *Failure) Error() string { return "git " + f.Call + ": " + f.What }

// failure turns the end of a process into one line.
func (m *Mirror) failure(ctx context.Context, c call, state *os.ProcessState, stderr string) error {
	f := &Failure{Call: c.called(), Exit: state.ExitCode()}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		f.What, f.Fault, f.Exit = context.Cause(ctx).Error(), OfMachine, 0
		if c.remote {
			f.Fault = OfNetwork
		}
		return f
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		f.Signal, f.Exit = status.Signal(), 0
		m.killed(f, state)
		return f
	}
	m.explain(f, stderr)
	m.explainAccess(f)
	return f
}

// killed explains a signal. The limits of [launch] make themselves known by SIGXCPU, or
// by SIGKILL after all of the time; any other kill is not git's doing.
func (m *Mirror) killed(f *Failure, state *os.ProcessState) {
	used := state.UserTime() + state.SystemTime()
	switch limit := m.processorTime(); {
	case f.Signal == syscall.SIGXCPU, f.Signal == syscall.SIGKILL && used >= limit*9/10:
		f.What, f.Fault, f.Doubt = fmt.Sprintf("git takes more than %s of processor time for it", limit), OfCommit, true
	case f.Signal == syscall.SIGBUS:
		f.What, f.Fault = "a file of the mirror can't be read or written (SIGBUS); look at the disk of "+m.State, OfMachine
		f.Doubt = true
	case f.Signal == syscall.SIGSEGV, f.Signal == syscall.SIGABRT, f.Signal == syscall.SIGILL, f.Signal == syscall.SIGFPE:
		f.What, f.Doubt = fmt.Sprintf("git crashed: signal %d (%s)", f.Signal, f.Signal), true
	case f.Signal == syscall.SIGPIPE:
		f.What = "a program that git started ended early"
	default:
		f.What, f.Fault = fmt.Sprintf("git was ended by signal %d (%s): %s", f.Signal, f.Signal, killedBy), OfMachine
	}
}

const killedBy = "the machine is short of memory (see dmesg), or a person ended it"

// explain finds the cause in what git printed.
func (m *Mirror) explain(f *Failure, stderr string) {
	local := withoutRemote(stderr)
	for _, cause := range causes {
		in := local
		if cause.server {
			in = stderr
		}
		if !containsFold(in, cause.text) || cause.not != "" && strings.Contains(in, cause.not) {
			continue
		}
		line := telling(in, cause.text)
		f.What, f.Fault, f.Doubt = cause.what, cause.fault, cause.doubt
		switch {
		case f.What == "":
			f.What = line
		case cause.quote:
			f.What += " (" + line + ")"
		}
		if cause.limit != nil {
			cause.limit(m, f, line)
		}
		return
	}
	f.What, f.Doubt = telling(local, "fatal:"), true
}

// withoutRemote is what git printed without the lines that it passed on from the server,
// which speak of the server's disk and memory.
func withoutRemote(stderr string) string {
	var b strings.Builder
	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "remote: ") && !strings.HasPrefix(line, "fatal: remote error: ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// telling is the first line with the text in it, or else the last one, without
// what a terminal would act on. The lines may be the server's.
func telling(stderr, text string) string {
	var line string
	for l := range strings.Lines(stderr) {
		if l = strings.TrimSpace(l); l != "" {
			line = l
		}
		if containsFold(l, text) {
			break
		}
	}
	line = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, line)
	line = strings.TrimPrefix(strings.TrimPrefix(line, "fatal: "), "error: ")
	if line == "" {
		return "it failed and printed no reason"
	}
	if len(line) > 300 {
		line = strings.ToValidUTF8(line[:300], "") + "..."
	}
	return line
}
