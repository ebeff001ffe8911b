package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The state directory lets others pass and look at nothing; one that an earlier havn made
// is narrowed, and one that lets them do less stays so.
func TestStateDirectoryIsNobodyElses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "state")
	for _, step := range []struct{ before, after os.FileMode }{{0, 0o711}, {0o755, 0o711}, {0o777, 0o711}, {0o700, 0o700}} {
		if step.before != 0 {
			if err := os.Chmod(dir, step.before); err != nil {
				t.Fatal(err)
			}
		}
		if err := makeState(dir); err != nil {
			t.Fatal(err)
		}
		if i, err := os.Stat(dir); err != nil || i.Mode().Perm() != step.after {
			t.Errorf("with mode %o before, it is %v (%v), want %o", step.before, i.Mode(), err, step.after)
		}
	}
}
