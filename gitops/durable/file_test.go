package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"havn.internal/gitops/durable"
)

// A file has the new content and nothing is beside it; one that can't be replaced keeps
// the old one.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pin.json")
	holds := func(want string, mode os.FileMode) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil || string(text) != want {
			t.Errorf("it holds %q, %v; want %q", text, err, want)
		}
		if i, err := os.Stat(path); err != nil || i.Mode().Perm() != mode {
			t.Errorf("it is %v, %v; want %v", i.Mode(), err, mode)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("beside it: %v, %v", entries, err)
		}
	}
	for _, text := range []string{"one", "two"} {
		if err := durable.Replace(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		holds(text, 0o640)
	}
	other := filepath.Join(dir, "pin.json", "below")
	if err := durable.Replace(other, []byte("three"), 0o600); err == nil {
		t.Error("a file below a file is written")
	}
	holds("two", 0o640)
}
