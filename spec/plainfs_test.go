package spec

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNamedPipes: nothing that reads a spec waits for the one who writes to a pipe,
// wherever it stands, and whenever it has come there.
func TestNamedPipes(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.cue")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(t.Context(), pipe); err == nil || err.Error() != pipe+" is not a directory; expected a directory of CUE files" {
		t.Errorf("a pipe in place of the directory: %v", err)
	}
	if _, err := Sites(pipe); err == nil {
		t.Error("a pipe in place of the directory has sites")
	}
	root, err := OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	// What was a file or a directory when it was listed is a pipe when it is opened.
	taker := &taker{root: root, files: map[string][]byte{}}
	taker.take("pipe.cue")
	taker.walk("pipe.cue", 0)
	if len(taker.problems) != 2 {
		t.Errorf("problems: %v", taker.problems)
	}
	if _, err := fs.ReadFile(PlainFS(root), "pipe.cue"); err == nil {
		t.Error("the pipe has been read")
	}
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := fs.ReadFile(PlainFS(root), "a"); err != nil || string(text) != "a" {
		t.Errorf("a file: %q, %v", text, err)
	}
}
