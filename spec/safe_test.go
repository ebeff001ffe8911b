package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that decides whom a machine trusts is root's own, and so is every directory and
// link on the way to it.
func TestStrict(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("files of other users can be made by root alone")
	}
	dir := t.TempDir()
	file, link := filepath.Join(dir, "a", "b", "file"), filepath.Join(dir, "l", "link")
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	put := func() {
		do(os.RemoveAll(dir))
		do(os.MkdirAll(filepath.Dir(file), 0o755))
		do(os.MkdirAll(filepath.Dir(link), 0o755))
		do(os.WriteFile(file, []byte("x"), 0o644))
		do(os.Symlink("../a/b/file", link))
	}
	put()
	for _, path := range []string{file, link, filepath.Join(dir, "nothing")} {
		if what, _ := Strict(path); what != "" {
			t.Errorf("%s: %s", path, what)
		}
	}
	for name, c := range map[string]struct {
		change func() error
		says   string
	}{
		"anybody writes":         {func() error { return os.Chmod(file, 0o646) }, "may write to " + file},
		"a group writes":         {func() error { do(os.Chown(file, 0, 65534)); return os.Chmod(file, 0o664) }, "may write to " + file},
		"another's":              {func() error { return os.Chown(file, 65534, 0) }, "may write to " + file},
		"a directory of anybody": {func() error { return os.Chmod(filepath.Join(dir, "a"), 0o777) }, "they may write to " + filepath.Join(dir, "a")},
		"a directory of another": {func() error { return os.Chown(filepath.Join(dir, "a", "b"), 65534, 0) }, "they may write to " + filepath.Join(dir, "a", "b")},
		"the link's of another":  {func() error { return os.Chown(filepath.Join(dir, "l"), 65534, 0) }, "they may write to " + filepath.Join(dir, "l")},
		"a sticky one, another's": {func() error {
			do(os.Chown(filepath.Join(dir, "a", "b"), 65534, 0))
			return os.Chmod(filepath.Join(dir, "a"), os.ModeSticky|0o777)
		}, "they may write to "},
	} {
		put()
		do(c.change())
		what, remedy := Strict(link)
		if !strings.Contains(what, c.says) || !strings.Contains(remedy, "chown root") {
			t.Errorf("%s: %q; %q, want %q", name, what, remedy, c.says)
		}
	}
	put()
	do(os.Chmod(filepath.Join(dir, "a"), os.ModeSticky|0o777))
	do(os.Chown(file, 0, 65534))
	if what, _ := Strict(link); what != "" {
		t.Errorf("a directory with the sticky bit, and a group that may read: %s", what)
	}
}
