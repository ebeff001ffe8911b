package spec

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const fine = "package site\n\nservices: web: image: \"web:1\"\n"

// hazards are things in a spec directory that are no spec. make puts one into dir;
// want begins the one problem that is reported.
var hazards = []struct {
	name, want string
	make       func(t *testing.T, dir string) error
}{
	{"a named pipe", "pipe.cue: is a named pipe; remove it", func(_ *testing.T, dir string) error { return unix.Mkfifo(dir+"/pipe.cue", 0o600) }},
	{"a name that is no text", `"a\xff.cue": the name is not UTF-8`, func(_ *testing.T, dir string) error {
		return os.WriteFile(dir+"/a\xff.cue", []byte(fine), 0o600)
	}},
	{"a socket", "s.cue: is a socket; remove it", func(t *testing.T, dir string) error {
		l, err := net.Listen("unix", dir+"/s.cue")
		if err == nil {
			t.Cleanup(func() { _ = l.Close() })
		}
		return err
	}},
	{"a link out", "passwd.cue: is a symbolic link, which could lead out of the spec; replace it by the file", func(_ *testing.T, dir string) error { return os.Symlink("/etc/passwd", dir+"/passwd.cue") }},
	{"a link to a directory", "etc: is a symbolic link", func(_ *testing.T, dir string) error { return os.Symlink("/etc", dir+"/etc") }},
	{"a circular link", "loop: is a symbolic link", func(_ *testing.T, dir string) error { return os.Symlink("loop", dir+"/loop") }},
	{"1 GB", "big.cue: is larger than 1 MiB; split it", func(_ *testing.T, dir string) error { return sparse(dir+"/big.cue", 1<<30) }},
	{"66 MiB in files", "the directory holds more than 64 MiB; name a directory of specs only", func(_ *testing.T, dir string) error {
		for i := range 66 {
			if err := sparse(fmt.Sprintf("%s/f%d", dir, i), 1<<20); err != nil {
				return err
			}
		}
		return nil
	}},
	{"10,001 files", "the directory has more than 10000 files; name a directory of specs only", func(_ *testing.T, dir string) error {
		for i := range 10_001 {
			if err := sparse(fmt.Sprintf("%s/f%d", dir, i), 0); err != nil {
				return err
			}
		}
		return nil
	}},
	{"deep directories", strings.Repeat("d/", 32) + "d: is more than 32 directories deep; move it up", func(_ *testing.T, dir string) error {
		return os.MkdirAll(dir+strings.Repeat("/d", 40), 0o755)
	}},
	{"bytes that are no text", "bad.cue:", func(_ *testing.T, dir string) error {
		return os.WriteFile(dir+"/bad.cue", []byte("package site\n\nservices: b: image: \"\xff\xfe\"\n"), 0o600)
	}},
	{"a NUL", "bad.cue:", func(_ *testing.T, dir string) error {
		return os.WriteFile(dir+"/bad.cue", []byte("package site\n\nservices: b: \x00image: \"x\"\n"), 0o600)
	}},
	{"a name that acts on a terminal", `"\x1b[2J.cue": CUE ignores this file: it has no package clause`, func(_ *testing.T, dir string) error {
		return os.WriteFile(dir+"/\x1b[2J.cue", []byte("a: 1\n"), 0o600)
	}},
}

func sparse(file string, size int64) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Close())
}

// TestHazards: each ends in one clear problem and nothing hangs or swells.
func TestHazards(t *testing.T) {
	before := residentMiB(t)
	for _, h := range hazards {
		t.Run(h.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, map[string]string{"a.cue": fine})
			if err := h.make(t, dir); err != nil {
				t.Fatal(err)
			}
			_, err := Load(t.Context(), dir)
			var problems Problems
			if !errors.As(err, &problems) || len(problems) != 1 || !strings.HasPrefix(err.Error(), h.want) {
				t.Errorf("got %v\nwant %s", err, h.want)
			}
		})
	}
	if grown := residentMiB(t) - before; grown > 256 {
		t.Errorf("this process has grown by %d MiB", grown)
	}
}

// TestDevice needs the right to make one: as somebody else it makes sure that the
// kernel refuses.
func TestDevice(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.cue": fine})
	if err := unix.Mknod(dir+"/zero.cue", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))); err != nil {
		if os.Geteuid() == 0 && !errors.Is(err, unix.EPERM) {
			t.Fatal(err)
		}
		return
	}
	if _, err := Load(t.Context(), dir); err == nil || err.Error() != "zero.cue: is a device; remove it; a spec consists of plain files" {
		t.Errorf("got %v", err)
	}
}

// TestUnreadable reads as a user without rights.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.cue": fine, "secret.cue": fine})
	if err := os.Chmod(dir+"/secret.cue", 0); err != nil {
		t.Fatal(err)
	}
	_, err := Load(t.Context(), dir)
	if os.Geteuid() == 0 {
		if err != nil {
			t.Errorf("root reads everything, and yet: %v", err)
		}
		return
	}
	if err == nil || err.Error() != "secret.cue: can't be read: permission denied" {
		t.Errorf("got %v", err)
	}
}

// TestEditorsLeftovers do not count, whatever they are.
func TestEditorsLeftovers(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.cue": fine, "a.cue~": "x", ".a.cue.swp": "x", ".git/config": "secret", ".havn/web-1.json": "{}"})
	clean, err := TakeSnapshot(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("me@host.1234:5678", filepath.Join(dir, ".#a.cue")); err != nil {
		t.Fatal(err)
	}
	again, err := TakeSnapshot(dir)
	if err != nil || again.Revision() != clean.Revision() || len(again.Files) != 1 {
		t.Errorf("%v, files %v", err, sortedKeys(again.Files))
	}
}

// TestNothingElseIsRead: a spec can't embed what is not in its directory, nor what
// is in the environment.
func TestNothingElseIsRead(t *testing.T) {
	const canary = "canary-5b1f"
	t.Setenv("CANARY", canary)
	outside := t.TempDir()
	write(t, outside, map[string]string{"secret.txt": canary, "spec/.git/config": canary, "spec/fine.txt": "fine"})
	dir := outside + "/spec"
	for _, file := range []string{"../secret.txt", outside + "/secret.txt", "/etc/passwd", "/proc/self/environ", ".git/config", "x/../../secret.txt", "fine.txt/../../secret.txt"} {
		write(t, dir, map[string]string{"a.cue": fmt.Sprintf("@extern(embed)\n\npackage site\n\nservices: web: {image: \"i\", env: A: _ @embed(file=%q,type=text)}\n", file)})
		site, err := Load(t.Context(), dir)
		if err == nil || strings.Contains(err.Error(), canary) || strings.Contains(fmt.Sprint(site), canary) {
			t.Errorf("%s: %v, %v", file, err, site.Services["web"].Env)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "a.cue:5:") {
			t.Errorf("%s: the position is missing: %v", file, err)
		}
	}
	write(t, dir, map[string]string{"a.cue": "@extern(embed)\n\npackage site\n\n_all: _ @embed(glob=*.txt,type=text)\nservices: web: {image: \"i\", env: A: _all[\"fine.txt\"]}\n"})
	if site, err := Load(t.Context(), dir); err != nil || site.Services["web"].Env["A"] != "fine" {
		t.Errorf("what is in the directory: %v, %v", err, site.Services)
	}
}

// A file that has become a pipe since it was listed is refused, and not waited for.
func TestFileThatBecomesAPipe(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if err := unix.Mkfifo(filepath.Join(dir, "a.cue"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken := make(chan Problems, 1)
	go func() {
		k := &taker{root: root, files: map[string][]byte{}}
		k.take("a.cue")
		taken <- k.problems
	}()
	select {
	case got := <-taken:
		if len(got) != 1 || got[0].File != "a.cue" {
			t.Errorf("got %v, want one problem of a.cue", got)
		}
	case <-time.After(2 * time.Minute):
		t.Error("it waits for somebody who writes to the pipe")
	}
}
