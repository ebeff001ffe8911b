package spec

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The process that evaluates a spec has no rights: those of another user where this is
// root, no capability, no socket, no new privileges.
func TestTheChildHasNoRights(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := snapshotOf(map[string]string{"site.cue": "package site\n" + bombs["loops"]}).Evaluate(ctx)
		ended <- err
	}()
	status := ""
	for end := time.Now().Add(time.Minute); status == "" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		status = childStatus()
	}
	cancel()
	<-ended
	facts := map[string]string{}
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		facts[name] = strings.Join(strings.Fields(value), " ")
	}
	if facts["NoNewPrivs"] != "1" || facts["Seccomp"] != "2" || strings.Trim(facts["CapEff"]+facts["CapPrm"], "0") != "" {
		t.Errorf("the child has\n%s", status)
	}
	if os.Getuid() == 0 && (facts["Uid"] != "65533 65533 65533 65533" || facts["Groups"] != "") {
		t.Errorf("the child is\n%s", status)
	}
}

// A child that the kernel, or a person, ends says nothing of the spec; where memory is
// short, the kernel ends it first.
func TestAChildThatIsKilledIsNotTheSpecs(t *testing.T) {
	ended := make(chan error, 1)
	go func() {
		_, err := snapshotOf(map[string]string{"a.cue": endless}).Evaluate(t.Context())
		ended <- err
	}()
	pid := 0
	for end := time.Now().Add(time.Minute); pid == 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		for line := range strings.Lines(childStatus()) {
			if rest, is := strings.CutPrefix(line, "Pid:"); is {
				pid, _ = strconv.Atoi(strings.TrimSpace(rest))
			}
		}
	}
	score := ""
	for end := time.Now().Add(time.Minute); score != "1000" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/oom_score_adj")
		score = strings.TrimSpace(string(text))
	}
	if score != "1000" {
		t.Errorf("the kernel ends it by a score of %q", score)
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var problems Problems
	if err := <-ended; err == nil || errors.As(err, &problems) || !strings.Contains(err.Error(), "short of memory") {
		t.Errorf("got %v", err)
	}
}

// A machine without descriptors says nothing of the spec.
func TestASnapshotThatCantBeReadNowIsNotTheSpecs(t *testing.T) {
	dir := repository(t, map[string]string{"site.cue": fine})
	var usual unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &usual); err != nil {
		t.Fatal(err)
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, more := range []uint64{0, 1, 2} {
		few := usual
		few.Cur = uint64(len(open)) - 1 + more
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
			t.Fatal(err)
		}
		_, err := TakeSnapshot(dir)
		if again := unix.Setrlimit(unix.RLIMIT_NOFILE, &usual); again != nil {
			t.Fatal(again)
		}
		var problems Problems
		if errors.As(err, &problems) {
			t.Errorf("with %d descriptors more: %v", more, err)
		}
		if more == 0 && !errors.Is(err, unix.EMFILE) {
			t.Errorf("without one: %v", err)
		}
	}
}

// childStatus is what proc(5) says of a child of this process that evaluates.
func childStatus() string {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range all {
		line, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
		status, _ := os.ReadFile(filepath.Join(proc, "status"))
		if bytes.Contains(line, []byte("\x00"+childArg+"\x00")) && bytes.Contains(status, []byte("\nPPid:\t"+strconv.Itoa(os.Getpid())+"\n")) {
			return string(status)
		}
	}
	return ""
}
