package journal_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"havn.internal/reconciler/journal"
)

// TestNoRights opens the journal of another user: that is no damage, so the file stays
// where it is, and nobody is told that there is nothing in it.
func TestNoRights(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	j, err := journal.Open(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "journal.db")
	if err := errors.Join(os.Chmod(file, 0), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		// As nobody: the thread is given up with the goroutine that has it locked.
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread()
			if err := unix.Setfsuid(65534); err != nil {
				t.Error(err)
			}
			_, err = journal.Open(dir, log)
		}()
		<-done
	} else {
		_, err = journal.Open(dir, log)
	}
	if !errors.Is(err, journal.ErrNoRights) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the journal: %v", err)
	}
}
