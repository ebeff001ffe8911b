package journal_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/plan"
)

// TestMain lets a test run this program again as another havn, that writes without
// end to the journal of a directory.
func TestMain(m *testing.M) {
	dir := os.Getenv("HAVN_TEST_JOURNAL")
	if dir == "" {
		os.Exit(m.Run())
	}
	j, err := journal.Open(dir, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		fill(j)
		j.Applied(plan.Step{Service: "web", Action: plan.Remove{Name: fmt.Sprint(i)}}, 0, nil)
		if _, err := j.Events("", 1); err != nil {
			os.Exit(2)
		}
		fmt.Println(i)
	}
}

// another starts another havn on the directory and waits until it has written.
func another(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "HAVN_TEST_JOURNAL="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "0\n" {
		t.Fatalf("the other havn says %q, %v", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return cmd
}

func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_, _ = cmd.Process.Wait()
}

func TestAnotherHavnIsAtWork(t *testing.T) {
	dir := t.TempDir()
	other := another(t, dir)
	_, err := journal.Open(dir, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if !errors.Is(err, journal.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", other.Process.Pid)) {
		t.Errorf("the second havn says %v, want that pid %d is at work", err, other.Process.Pid)
	}
	kill(other)
	whole(t, open(t, dir))
}

// A havn that is killed in the middle of a write leaves a journal that is whole.
func TestKilledWhileWriting(t *testing.T) {
	dir := t.TempDir()
	last := 0
	for round := range 10 {
		other := another(t, dir)
		<-time.After(time.Duration(7*round) * time.Millisecond)
		kill(other)
		j := open(t, dir)
		whole(t, j)
		n := len(events(t, j, "", 20_000))
		if n <= last {
			t.Errorf("round %d: there are %d events, and there were %d", round, n, last)
		}
		last = n
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(dir + "/journal.db.damaged"); err == nil {
			t.Fatal("the journal was set aside")
		}
	}
}
