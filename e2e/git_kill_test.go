//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"havn.internal/gitops"
	"havn.internal/gitops/origin"
)

// havn is killed at moments spread over all that becomes of a commit: fetched, judged,
// exported, remembered, evaluated, rolled out. What it had begun ends with it, what
// it remembers is whole at each moment, and the next havn goes on from there, also
// if it is killed itself. Half of the moments are in the first quarter, where the
// steps of accepting are.
func TestHavnKilledAtEveryStepOfAcceptingARevision(t *testing.T) {
	s := newScenario(t)
	hello(t, "1")
	bare := origin.New(t, "--bare")
	dev := newDeveloper(t, bare.Dir)
	s.followEvery(dev, bare.URL())
	pushed := []string{dev.push(dev.signed(false, "0"))}
	s.start()
	s.converge()
	s.load("web.test", "web")
	s.stop()

	pushed = append(pushed, dev.push(dev.signed(false, "measured")))
	begin := time.Now()
	s.start()
	s.converge()
	whole := time.Since(begin)
	s.stop()
	const rounds, in = 4, 8
	ended := 0
	for round := range rounds {
		for moment := range in {
			part := float64(moment*rounds+round) / (rounds * in)
			pushed = append(pushed, dev.push(dev.signed(false, fmt.Sprintf("%d-%d", round, moment))))
			s.launch()
			<-time.After(time.Duration(part * part * float64(whole))) // the moment is the input
			ended += s.crashWhole()
			s.remembers(pushed)
		}
		begin := time.Now()
		s.start()
		s.converge()
		t.Logf("round %d of %s each: converged %s after the last start", round, whole.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond))
		if left, _ := filepath.Glob(filepath.Join(s.state, "git/revisions/.export-*")); len(left) > 0 {
			t.Errorf("exports that were begun are left: %q", left)
		}
		s.stop()
	}
	if ended == 0 {
		t.Error("havn had no child at any of the moments")
	}
	t.Logf("%d children ended with it", ended)
	s.start()
	s.converge()
	s.answers(fmt.Sprintf("%d-%d", rounds-1, in-1))
	s.finish()
}

// followEvery makes a branch the source, of which every commit has to be signed with
// the developer's SSH key.
func (s *scenario) followEvery(dev *developer, url string) {
	s.t.Helper()
	signers := filepath.Join(filepath.Dir(s.dir), "allowed_signers")
	if err := os.WriteFile(signers, []byte(signer+" "+dev.ssh.Public+"\n"), 0o644); err != nil {
		s.t.Fatal(err)
	}
	s.source = []string{"--git", url, "--interval", "1s", "--trust", "every", "--allowed-signers", signers}
	s.pushed = dev.Head
}

// remembers wants what havn remembers to be whole: no commit yet, or one of these.
func (s *scenario) remembers(pushed []string) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.state, "accepted.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var a gitops.Accepted
	if err := errors.Join(err, json.Unmarshal(text, &a)); err != nil || !slices.Contains(pushed, a.Commit) {
		s.t.Fatalf("accepted.json holds %q, %v; want one of %q", text, err, pushed)
	}
}

// crashWhole kills havn, and waits until all that it had started has ended with it,
// which is so many processes.
func (s *scenario) crashWhole() int {
	s.t.Helper()
	pid := s.daemon.cmd.Process.Pid
	// Stopped, it starts nothing more while its children are counted.
	_ = s.daemon.cmd.Process.Signal(syscall.SIGSTOP)
	children := below(pid)
	s.crash()
	deadline := time.Now().Add(patience)
	for _, p := range children {
		for p.runs() {
			if time.Now().After(deadline) {
				s.t.Fatalf("%s outlives the havn that started it", p.command)
			}
			<-time.After(5 * time.Millisecond)
		}
	}
	return len(children)
}

// A process is one on this machine; started tells it from a later one with its number.
type process struct {
	pid, parent      int
	started, command string
}

// look reads what the kernel says of a process.
func look(pid int) (p process, ok bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p, false
	}
	text := string(stat)
	name := strings.LastIndexByte(text, ')')
	const state, parent, started = 0, 1, 19 // proc_pid_stat(5), after the name
	fields := strings.Fields(text[name+1:])
	p = process{pid: pid, started: fields[started], command: text[:name+1]}
	p.parent, err = strconv.Atoi(fields[parent])
	return p, err == nil && fields[state] != "Z"
}

func (p process) runs() bool {
	now, ok := look(p.pid)
	return ok && now.started == p.started
}

// below are the processes that a process has started, and those have.
func below(pid int) (all []process) {
	entries, _ := os.ReadDir("/proc")
	children := map[int][]process{}
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			if p, ok := look(n); ok {
				children[p.parent] = append(children[p.parent], p)
			}
		}
	}
	queue := children[pid]
	for len(queue) > 0 {
		p := queue[0]
		all, queue = append(all, p), append(queue[1:], children[p.pid]...)
	}
	return all
}
