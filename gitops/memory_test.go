package gitops

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFileMemory(t *testing.T) {
	m := FileMemory{Path: filepath.Join(t.TempDir(), "accepted.json")}
	if _, known, err := m.Accepted(); known || err != nil {
		t.Fatalf("a new one: %v, %v", known, err)
	}
	for _, commit := range []string{"a", "b"} {
		if err := m.Accept(Accepted{Commit: commit, Path: "hosts/web1"}); err != nil {
			t.Fatal(err)
		}
		if a, known, err := m.Accepted(); err != nil || !known || a.Commit != commit || a.Path != "hosts/web1" {
			t.Errorf("%+v, %v, %v; want commit %s", a, known, err, commit)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(m.Path)); err != nil || len(entries) != 1 {
		t.Errorf("left beside it: %v, %v", entries, err)
	}
	if err := os.WriteFile(m.Path, []byte(`{"commit": "b`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Accepted(); err == nil {
		t.Error("a damaged one is taken for an empty one")
	}
}
