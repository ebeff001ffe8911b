package journal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"havn.internal/reconciler/plan"
)

// sample is the file of a journal that has one of everything.
func sample(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	j := open(t, dir)
	fill(j)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// works opens a journal whose file is as given, and has it do its work. Nothing it
// says may be something that was never put into it.
func works(t *testing.T, text []byte, what string, at int) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "journal.db"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	j := open(t, dir)
	if good, known := j.LastGood()["web"]; known && good.Fingerprint("s") != release.Fingerprint("s") {
		t.Errorf("%s at byte %d: the last good release is %+v", what, at, good)
	}
	for k, v := range j.Verdicts() {
		if k != bad || v.Reason != "it crashed" {
			t.Errorf("%s at byte %d: there is the verdict %v %v", what, at, k, v)
		}
	}
	if p, known := j.Pins("rev1")["web:1"]; known && p != "sha256:1" {
		t.Errorf("%s at byte %d: the image is pinned to %s", what, at, p)
	}
	for id, text := range j.Kept() {
		if id != "letter" || !bytes.Equal(text, letter) {
			t.Errorf("%s at byte %d: there is the letter %s: %s", what, at, id, text)
		}
	}
	fill(j)
	whole(t, j)
	_, _ = j.Events("", 10)
	if err := j.Close(); err != nil {
		t.Errorf("%s at byte %d: close: %v", what, at, err)
	}
	// Once more, by the next havn.
	j = open(t, dir)
	fill(j)
	if list, err := j.Events("web", 10); err != nil || len(list) == 0 {
		t.Errorf("%s at byte %d: the next havn has the events %v, %v", what, at, list, err)
	}
	j = reopen(t, dir, j)
	whole(t, j)
	_ = j.Close()
}

func TestDamageAnywhere(t *testing.T) {
	text := sample(t)
	pages := os.Getpagesize()
	for at := 0; at < len(text); at++ {
		// Every other byte of the two meta pages' contents, and of the others every 173rd byte that
		// is not filler.
		inMeta := at%pages < 80 && at%2 == 0 && at < 2*pages
		if !inMeta && (at%173 != 0 && at%pages > 32 || text[at] == 0 && at%pages > 32) {
			continue
		}
		damaged := append([]byte(nil), text...)
		damaged[at] ^= 0x55
		works(t, damaged, "damaged", at)
	}
}

func TestCutShort(t *testing.T) {
	text := sample(t)
	for at := 0; at < len(text); at += 1777 {
		works(t, text[:at], "cut short", at)
	}
	for _, at := range []int{1, 15, 16, 79, os.Getpagesize(), 2 * os.Getpagesize(), len(text) - 1} {
		works(t, text[:at], "cut short", at)
	}
}

// A file that is cut short while havn has it open takes nothing with it.
func TestCutShortWhileOpen(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	fill(j)
	_, _ = j.Events("", 10)
	if err := os.Truncate(filepath.Join(dir, "journal.db"), 0); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		fill(j)
		_, _ = j.Events("", 10)
	}
	whole(t, j)
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	fill(open(t, dir))
}

func TestFileThatIsNone(t *testing.T) {
	works(t, []byte("no journal, but a text that somebody wrote"), "text", 0)
	for name, lay := range map[string]func(path string) error{
		"a directory": func(path string) error { return os.Mkdir(path, 0o755) },
		"a link to nowhere": func(path string) error {
			return os.Symlink("/proc/nowhere/journal", path)
		},
	} {
		dir := t.TempDir()
		if err := lay(filepath.Join(dir, "journal.db")); err != nil {
			t.Fatal(err)
		}
		j := open(t, dir)
		fill(j)
		j = reopen(t, dir, j)
		whole(t, j)
		if _, err := os.Lstat(filepath.Join(dir, "journal.db.damaged")); err != nil {
			t.Errorf("%s was not set aside: %v", name, err)
		}
	}
}

// Without a directory there is no journal, and havn works.
func TestNoDirectory(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "not", "there"))
	fill(j)
	whole(t, j)
	if list, err := j.Events("", 10); err != nil || len(list) != 0 {
		t.Errorf("the events are %v, %v", list, err)
	}
	if err := j.Condemn(plan.Condemn{}); err != nil {
		t.Error(err)
	}
}
