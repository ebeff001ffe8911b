package origin

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A Repo is a repository with a work tree that a test commits to.
type Repo struct {
	t   testing.TB
	Dir string
	env []string
}

// New makes an empty repository with the branch main.
func New(t testing.TB, initArgs ...string) *Repo {
	t.Helper()
	r := &Repo{t: t, Dir: filepath.Join(t.TempDir(), "repo")}
	r.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Anna", "GIT_AUTHOR_EMAIL=anna@example.org",
		"GIT_COMMITTER_NAME=Anna", "GIT_COMMITTER_EMAIL=anna@example.org",
	}
	run := exec.Command("git", append([]string{"init", "-q", "-b", "main"}, append(initArgs, r.Dir)...)...)
	run.Env = r.env
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("git init: %v: %s", err, out)
	}
	for _, pair := range []string{"uploadpack.allowFilter=true", "gc.auto=0", "core.fsync=none", "core.protectNTFS=false"} {
		name, value, _ := strings.Cut(pair, "=")
		r.Git("config", name, value)
	}
	return r
}

// URL is the repository's file URL.
func (r *Repo) URL() string { return "file://" + r.Dir }

// With returns the same repository in the hands of somebody with more environment.
func (r *Repo) With(env ...string) *Repo {
	other := *r
	other.env = append(append([]string{}, r.env...), env...)
	return &other
}

// Git runs git in the repository, and returns its trimmed output.
func (r *Repo) Git(args ...string) string {
	r.t.Helper()
	return r.Feed("", args...)
}

// Feed runs git with a text on its standard input.
func (r *Repo) Feed(stdin string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = r.Dir, r.env
	cmd.Stdin = strings.NewReader(stdin)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		r.t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, errOut.String())
	}
	return strings.TrimSpace(out.String())
}

// Write changes files in the work tree; an empty text removes one.
func (r *Repo) Write(files map[string]string) {
	r.t.Helper()
	for name, text := range files {
		path := filepath.Join(r.Dir, name)
		if text == "" {
			if err := os.Remove(path); err != nil {
				r.t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
}

// Commit writes files, commits everything and returns the commit's id.
func (r *Repo) Commit(files map[string]string, args ...string) string {
	r.t.Helper()
	r.Write(files)
	r.Git("add", "-A")
	r.Git(append([]string{"commit", "-q", "--allow-empty", "-m", "a change"}, args...)...)
	return r.Head()
}

// Head is the id of the commit that is checked out.
func (r *Repo) Head() string {
	r.t.Helper()
	return r.Git("rev-parse", "HEAD")
}

// Blob stores a text, and returns its id.
func (r *Repo) Blob(text string) string {
	r.t.Helper()
	return r.Feed(text, "hash-object", "-w", "--stdin")
}

// Raw stores an object that git itself would not make.
func (r *Repo) Raw(kind, body string) string {
	r.t.Helper()
	return r.Feed(body, "hash-object", "-w", "-t", kind, "--literally", "--stdin")
}

// Point makes main a commit with the tree on top of what main is.
func (r *Repo) Point(tree string) string {
	r.t.Helper()
	commit := r.Git("commit-tree", "-p", "refs/heads/main", "-m", "a tree", tree)
	r.Git("update-ref", "refs/heads/main", commit)
	return commit
}

// An Entry is one line of a tree.
type Entry struct{ Mode, Name, ID string }

// Tree stores a tree with the entries as they are, in this order.
func (r *Repo) Tree(entries ...Entry) string {
	r.t.Helper()
	var body strings.Builder
	for _, e := range entries {
		raw, err := hex.DecodeString(e.ID)
		if err != nil {
			r.t.Fatal(err)
		}
		body.WriteString(e.Mode + " " + e.Name + "\x00" + string(raw))
	}
	return r.Raw("tree", body.String())
}

// Plant writes a file below the repository's directory, git's own among it.
func (r *Repo) Plant(name, text string, mode os.FileMode) {
	r.t.Helper()
	path := filepath.Join(r.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	// What is there may be read-only.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		r.t.Fatal(err)
	}
}
