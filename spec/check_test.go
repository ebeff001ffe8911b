package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestProblems evaluates each archive of testdata/check, whose file "want" holds
// the problems to be found, one a line; -update rewrites it.
func TestProblems(t *testing.T) {
	names, err := filepath.Glob("testdata/check/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { checkArchive(t, name) })
	}
}

const wantFile = "want"

func checkArchive(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, want := Snapshot{Files: map[string][]byte{}}, ""
	kept := archive.Files[:0]
	for _, f := range archive.Files {
		if f.Name == wantFile {
			want = string(f.Data)
			continue
		}
		kept = append(kept, f)
		snapshot.Files[f.Name] = f.Data
	}
	got := ""
	if _, err := Evaluate(snapshot); err != nil {
		got = err.Error() + "\n"
	}
	if *update {
		archive.Files = append(kept, txtar.File{Name: wantFile, Data: []byte(got)})
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("found:\n%s\nwant:\n%s", got, want)
	}
}
