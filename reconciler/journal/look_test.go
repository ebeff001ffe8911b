package journal_test

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"havn.internal/reconciler/journal"
)

func look(t *testing.T, dir string) (*journal.Journal, error) {
	t.Helper()
	return journal.Look(dir, slog.New(slog.NewTextHandler(io.Discard, nil)))
}

// Who looks knows what the journal knows, and leaves the directory as it is.
func TestLookChangesNothing(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	fill(j)
	want := len(events(t, j, "", 100))
	_ = j.Close()
	before, err := os.ReadFile(filepath.Join(dir, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "havn.pid")); err != nil {
		t.Fatal(err)
	}
	first, err := look(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	// Nor does it keep another one out, or one that works.
	second, err := look(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, first)
	whole(t, second)
	if got := len(events(t, first, "", 100)); got == 0 || got != want {
		t.Errorf("%d events are seen, there are %d", got, want)
	}
	first.Record("web", "changed", "by a look")
	if got := len(events(t, first, "", 100)); got == 0 {
		t.Error("the past is gone")
	}
	if after, err := os.ReadFile(filepath.Join(dir, "journal.db")); err != nil || string(after) != string(before) {
		t.Errorf("the file is another, %v", err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("the directory has %v, %v", list, err)
	}
	j = open(t, dir)
	whole(t, j)
	if _, err := look(t, dir); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("while another one works: %v", err)
	}
	_ = j.Close()
}

func TestLookAtNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "typo")
	j, err := look(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if list := events(t, j, "", 10); len(list) != 0 {
		t.Errorf("there are events: %v", list)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the directory was made")
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}
