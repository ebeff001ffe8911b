package gitops_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	first  = "services: web: image: \"web:1\"\n"
	second = "services: web: image: \"web:2\"\n"
)

// spec is a directory with one spec.
func spec(t *testing.T) (dir, file string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "site")
	file = filepath.Join(dir, "web.cue")
	write(t, file, first)
	return dir, file
}

// What programs do to save a file is one change, and never looks as if the file
// were gone or empty.
func TestSaving(t *testing.T) {
	for name, save := range map[string]func(t *testing.T, file string){
		"write": func(t *testing.T, file string) { write(t, file, second) },
		"empty, then write": func(t *testing.T, file string) {
			f, err := os.Create(file)
			must(t, err)
			<-time.After(60 * time.Millisecond)
			_, err = f.WriteString(second)
			must(t, err)
			must(t, f.Close())
		},
		"rename over it": func(t *testing.T, file string) {
			write(t, file+".tmp123~", second)
			must(t, os.Rename(file+".tmp123~", file))
		},
		"vim": func(t *testing.T, file string) {
			write(t, filepath.Join(filepath.Dir(file), ".web.cue.swp"), "b0VIM")
			write(t, filepath.Join(filepath.Dir(file), "4913"), "")
			must(t, os.Remove(filepath.Join(filepath.Dir(file), "4913")))
			must(t, os.Rename(file, file+"~"))
			<-time.After(60 * time.Millisecond)
			write(t, file, second)
			must(t, os.Chmod(file, 0o600))
			must(t, os.Remove(file+"~"))
			must(t, os.Remove(filepath.Join(filepath.Dir(file), ".web.cue.swp")))
		},
		"emacs": func(t *testing.T, file string) {
			lock := filepath.Join(filepath.Dir(file), ".#web.cue")
			must(t, os.Symlink("me@here.1", lock))
			write(t, file, second)
			must(t, os.Remove(lock))
		},
		"remove, then write": func(t *testing.T, file string) {
			must(t, os.Remove(file))
			write(t, file, second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, file := spec(t)
			write(t, filepath.Join(dir, "other.cue"), "// another\n")
			f := follow(t, dir)
			f.until(first)
			save(t, file)
			_, d := f.until(second, first)
			if d.Dir != dir {
				t.Errorf("it lies in %s, want %s", d.Dir, dir)
			}
			// Nothing more comes but the next change.
			write(t, file, first)
			f.until(first, second)
		})
	}
}

func TestChangeIsDeliveredSoon(t *testing.T) {
	dir, file := spec(t)
	f := follow(t, dir)
	id := f.next().ID
	for i := range 10 {
		begin := time.Now()
		write(t, file, fmt.Sprintf("services: web: image: \"web:%d\"\n", i+3))
		d := f.next()
		t.Logf("delivered after %s", time.Since(begin))
		if d.ID == id {
			t.Error("another content has the same ID")
		}
		id = d.ID
	}
}

func TestBurstIsOneRevision(t *testing.T) {
	dir, file := spec(t)
	f := follow(t, dir)
	f.until(first)
	const files = 300
	for i := range files {
		write(t, filepath.Join(dir, "many", fmt.Sprintf("s%d.cue", i)), "package site\n")
	}
	write(t, file, second)
	if n, _ := f.until(second, first); n > files/20 {
		t.Errorf("%d writes were %d revisions", files, n)
	}
	// The same content again is none.
	write(t, file, first)
	write(t, file, second)
	write(t, filepath.Join(dir, "end.cue"), "")
	for d := f.next(); ; d = f.next() {
		if _, err := os.Stat(filepath.Join(d.Dir, "end.cue")); err == nil {
			break
		}
	}
}

func TestNewDirectoriesAreWatched(t *testing.T) {
	dir, _ := spec(t)
	f := follow(t, dir)
	f.next()
	deep := filepath.Join(dir, "a", "b", "c")
	write(t, filepath.Join(deep, "x.cue"), "1")
	f.next()
	for i := range 3 {
		write(t, filepath.Join(deep, "x.cue"), fmt.Sprint("more ", i))
		f.next()
	}
	must(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "z")))
	f.next()
	write(t, filepath.Join(dir, "z", "b", "c", "x.cue"), "changed below another name")
	f.next()
}

// Files of whatever kind are no reason to stop, or to read without end.
func TestOddFiles(t *testing.T) {
	dir, file := spec(t)
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe.cue"), 0o644))
	must(t, os.Symlink("/dev/zero", filepath.Join(dir, "zero.cue")))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	must(t, os.Symlink(".", filepath.Join(dir, "loop")))
	huge := filepath.Join(dir, "huge.cue")
	write(t, huge, "")
	must(t, os.Truncate(huge, 1<<40))
	f := follow(t, dir)
	f.until(first)
	write(t, file, second)
	f.until(second)
	must(t, os.Truncate(huge, 1<<41))
	f.until(second)
}

// A source that is gone or empty delivers nothing, says so, and goes on when it is
// back.
func TestDirectoryIsAway(t *testing.T) {
	for name, c := range map[string]struct {
		away func(t *testing.T, dir string)
		says string
	}{
		"removed":          {func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) }, "no such file"},
		"moved":            {func(t *testing.T, dir string) { must(t, os.Rename(dir, dir+".old")) }, "no such file"},
		"parent removed":   {func(t *testing.T, dir string) { must(t, os.RemoveAll(filepath.Dir(dir))) }, "no such file"},
		"emptied":          {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "web.cue"))) }, "no .cue files"},
		"replaced by file": {func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)); write(t, dir, "") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "parent", "site")
			write(t, filepath.Join(dir, "web.cue"), first)
			f := follow(t, dir)
			f.until(first)
			c.away(t, dir)
			if c.says == "" {
				c.says = dir
			}
			f.problem(c.says)
			if i, err := os.Stat(dir); err == nil && !i.IsDir() {
				must(t, os.Remove(dir))
			}
			write(t, filepath.Join(dir, "web.cue"), second)
			f.problem("")
			f.until(second, first)
			write(t, filepath.Join(dir, "web.cue"), first)
			f.until(first, second)
		})
	}
}

func TestDirectoryComesLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet")
	f := follow(t, dir)
	f.problem("no such file")
	write(t, filepath.Join(dir, "web.cue"), first)
	f.problem("")
	f.until(first)
}

func TestFileSystemIsUnmounted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	must(t, os.Mkdir(dir, 0o755))
	must(t, unix.Mount("havn-test", dir, "tmpfs", 0, "size=1m"))
	mounted := true
	t.Cleanup(func() {
		if mounted {
			_ = unix.Unmount(dir, unix.MNT_DETACH)
		}
	})
	write(t, filepath.Join(dir, "web.cue"), first)
	f := follow(t, dir)
	f.until(first)
	must(t, unix.Unmount(dir, 0))
	mounted = false
	// The kernel does not tell; a move has it looked at now and not in a minute.
	must(t, os.Rename(dir, dir+".moved"))
	must(t, os.Rename(dir+".moved", dir))
	f.problem("no .cue files")
	write(t, filepath.Join(dir, "web.cue"), second)
	f.until(second)
}

// Nothing is left when a source ends, and nothing grows while it runs.
func TestNothingIsLeft(t *testing.T) {
	dir, file := spec(t)
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	t.Run("run", func(t *testing.T) {
		f := follow(t, dir)
		f.next()
		for i := range 8 {
			sub := filepath.Join(dir, fmt.Sprint("sub", i))
			write(t, filepath.Join(sub, "x.cue"), "1")
			f.next()
			must(t, os.RemoveAll(sub))
			write(t, file, strings.Repeat("// more\n", i+10))
			f.next()
		}
	})
	for deadline := time.Now().Add(2 * time.Minute); runtime.NumGoroutine() > goroutines || descriptors(t) > files; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines and %d descriptors before, %d and %d after", goroutines, files, runtime.NumGoroutine(), descriptors(t))
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(list)
}
