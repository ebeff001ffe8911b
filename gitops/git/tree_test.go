package git

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseTree(t *testing.T) {
	id := strings.Repeat("a", 40)
	got, err := ParseTree(strings.NewReader("100644 blob "+id+"\tsite.cue\x00100755 blob "+id+"\ta dir/b.sh\x00"), DefaultLimits())
	if err != nil || len(got) != 2 || got[0] != (File{"site.cue", id, false}) || got[1] != (File{"a dir/b.sh", id, true}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{
		"100644 blob " + id + "\tsite.cue", // cut short
		"100644 blob " + id + " site.cue\x00", "100644 blob x\tsite.cue\x00", "blob " + id + "\tx\x00", "\x00", "\t\x00",
		"100644 blob " + id + "\t\x00", "100644 blob " + id + "\t../x\x00", "100644 blob " + id + "\tx/.git/config\x00",
		"100644 blob " + id + "\tx//y\x00", "100644 blob " + id + "\t/x\x00", "100644 blob " + id + "\t" + strings.Repeat("x/", 40) + "y\x00",
	} {
		if got, err := ParseTree(strings.NewReader(bad), DefaultLimits()); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}

// Whatever the listing: an error, or paths that stay below a directory and are
// different files in it.
func FuzzParseTree(f *testing.F) {
	id := strings.Repeat("a", 40)
	f.Add("100644 blob " + id + "\tsite.cue\x00100755 blob " + id + "\ta/b.sh\x00")
	f.Add("120000 blob " + id + "\tlink\x00160000 commit " + id + "\tsub\x00")
	f.Add("100644 blob " + id + "\t../../x\x00100644 blob " + id + "\ta\x00100644 blob " + id + "\tA\x00100644 blob " + id + "\ta/b\x00")
	f.Fuzz(func(t *testing.T, listing string) {
		files, err := ParseTree(strings.NewReader(listing), DefaultLimits())
		if err != nil {
			return
		}
		dirs, names := map[string]bool{}, map[string]bool{}
		for _, file := range files {
			if !filepath.IsLocal(file.Path) || filepath.Clean(file.Path) != file.Path || !IsID(file.ID) {
				t.Errorf("%+v is let through", file)
			}
			names[strings.ToLower(file.Path)] = true
			for dir := filepath.Dir(file.Path); dir != "."; dir = filepath.Dir(dir) {
				dirs[strings.ToLower(dir)] = true
			}
		}
		if len(names) != len(files) {
			t.Errorf("two files of one name in %v", files)
		}
		for name := range names {
			if dirs[name] {
				t.Errorf("%s is a file and a directory", name)
			}
		}
	})
}

func FuzzParseCommit(f *testing.F) {
	f.Add("tree x\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1700000000 +0000\ngpgsig -----BEGIN SSH SIGNATURE-----\n abc\n -----END SSH SIGNATURE-----\n\nsubject\n\nbody\n")
	f.Add("gpgsig a\ngpgsig-sha256 b\n c\n\n\x1b[2J\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := ParseCommit("id", []byte(text))
		head, _, _ := strings.Cut(text, "\n\n")
		if n := strings.Count("\n"+head, "\ngpgsig "); len(c.Signatures) < n {
			t.Errorf("%d signatures of %d are seen", len(c.Signatures), n)
		}
		if strings.ContainsAny(c.Subject+c.Author, "\x1b\n\r\x00") || len(c.Subject) > 200 || len(c.Author) > 100 {
			t.Errorf("subject %q, author %q", c.Subject, c.Author)
		}
	})
}

func FuzzParseRefs(f *testing.F) {
	f.Add(strings.Repeat("a", 40) + "\trefs/heads/main\n")
	f.Fuzz(func(t *testing.T, text string) {
		for name, id := range ParseRefs([]byte(text)) {
			if !IsID(id) || !strings.HasPrefix(name, "refs/") || strings.ContainsAny(name, "\n") {
				t.Errorf("%q is %q", name, id)
			}
		}
	})
}

// The id of a directory is the one git gives it.
func TestTreeIDIsGits(t *testing.T) {
	for format, length := range map[string]int{"sha1": 40, "sha256": 64} {
		dir := filepath.Join(t.TempDir(), "work")
		git := func(args ...string) string {
			cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("git %v: %v: %s", args, err, out)
			}
			return strings.TrimSpace(string(out))
		}
		if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"a/b/x.cue": "x", "a/y.cue": "", "a.cue": "sorted before a/", "a0": "after it", "ø": "æ"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "run.sh"), nil, 0o755); err != nil {
			t.Fatal(err)
		}
		git("init", "-q", "--object-format="+format)
		git("add", "-A")
		want := git("write-tree")
		if err := os.RemoveAll(filepath.Join(dir, ".git")); err != nil {
			t.Fatal(err)
		}
		if got, err := TreeID(dir, length); err != nil || got != want {
			t.Errorf("%s: %s, %v; git says %s", format, got, err, want)
		}
	}
	link := t.TempDir()
	if err := os.Symlink("/etc/passwd", filepath.Join(link, "x")); err != nil {
		t.Fatal(err)
	}
	var refused *Refused
	if _, err := TreeID(link, 40); err == nil || errors.As(err, &refused) {
		t.Errorf("a link has an id: %v", err)
	}
}
