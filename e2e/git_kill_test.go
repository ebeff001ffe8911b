//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
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

// havn is killed at each step of accepting a commit that can be seen, and at moments
// spread over all that becomes of one, half of them in the first quarter: fetched,
// judged, exported, remembered, evaluated, rolled out. What it had begun ends with it,
// what it remembers is whole at each moment, and the next havn goes on from there,
// also if it is killed itself.
func TestHavnKilledAtEveryStepOfAcceptingARevision(t *testing.T) {
	s := newScenario(t)
	hello(t, "1")
	bare := origin.New(t, "--bare")
	dev := newDeveloper(t, bare.Dir)
	for i := range 200 { // an export takes its time
		dev.Write(map[string]string{fmt.Sprintf("docs/%d.txt", i): "words\n"})
	}
	server := bare.Serve()
	s.followEvery(dev, server.Address())
	s.source = append(s.source, "--ca-file", server.CAFile)
	pushed := []string{}
	push := func(version string) string {
		pushed = append(pushed, dev.push(dev.signed(false, version)))
		return pushed[len(pushed)-1]
	}
	push("0")
	s.start()
	s.converge()
	s.load("web.test", "web")
	s.stop()
	push("measured")
	begin := time.Now()
	s.goesOn()
	whole := time.Since(begin)

	push("asked")
	s.killedWhileAsking(server)
	for _, step := range s.steps() {
		commit := push(step.name)
		tree := dev.Git("rev-parse", commit+"^{tree}")
		s.launch()
		s.until(step.name, func() bool { return step.reached(commit, tree) })
		s.crashWhole()
		s.remembers(pushed)
		s.goesOn()
	}
	const rounds, in = 3, 8
	version := ""
	for round := range rounds {
		for moment := range in {
			version = fmt.Sprintf("%d-%d", round, moment)
			push(version)
			s.launch()
			part := float64(moment*rounds+round) / (rounds * in)
			<-time.After(time.Duration(part * part * float64(whole))) // the moment is the input
			s.crashWhole()
			s.remembers(pushed)
		}
		s.goesOn()
	}
	t.Logf("%s from a start to the end of a rollout", whole.Round(time.Millisecond))
	s.start()
	s.converge()
	s.answers(version)
	s.finish()
}

// killedWhileAsking kills havn while the remote hangs: git, which would wait on, ends
// with it.
func (s *scenario) killedWhileAsking(server *origin.Web) {
	s.t.Helper()
	asked := server.Asked.Load()
	hang := func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}
	server.Before.Store(&hang)
	s.launch()
	s.until("asked", func() bool { return server.Asked.Load() > asked })
	if s.crashWhole() == 0 {
		s.t.Error("havn asked without a child")
	}
	server.Before.Store(nil)
	s.goesOn()
}

// goesOn starts havn, which converges and leaves nothing half done, and stops it.
func (s *scenario) goesOn() {
	s.t.Helper()
	s.start()
	s.converge()
	if left, _ := filepath.Glob(filepath.Join(s.state, "git/revisions/.export-*")); len(left) > 0 {
		s.t.Errorf("exports that were begun are left: %q", left)
	}
	s.stop()
}

// A step is one of accepting a commit, by what it leaves on the disk.
type step struct {
	name    string
	reached func(commit, tree string) bool
}

func (s *scenario) steps() []step {
	there := func(parts ...string) bool {
		found, _ := filepath.Glob(filepath.Join(append([]string{s.state}, parts...)...))
		return len(found) > 0
	}
	holds := func(file, text string) bool {
		got, _ := os.ReadFile(filepath.Join(s.state, file))
		return strings.Contains(string(got), text)
	}
	return []step{
		{"fetched", func(commit, _ string) bool { return holds("git/mirror.git/refs/havn/tip", commit) }},
		{"being exported", func(_, _ string) bool { return there("git/revisions/.export-*") }},
		{"exported", func(_, tree string) bool { return there("git/revisions", tree) }},
		{"remembered", func(commit, _ string) bool { return holds("accepted.json", commit) }},
	}
}

// until waits for what is over in a moment.
func (s *scenario) until(what string, reached func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !reached(); {
		if time.Now().After(deadline) || s.daemon.ended() {
			s.t.Fatalf("never %s", what)
		}
		<-time.After(100 * time.Microsecond)
	}
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
	// Nothing but their own patience would end them later.
	deadline := time.Now().Add(10 * time.Second)
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
