package gitops

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A watched is a directory that is followed for a test.
type watched struct {
	dir      string
	got      chan string // what b.cue held as each revision was delivered
	still    chan func() bool
	problems chan error
}

func watch(t *testing.T, patience time.Duration) *watched {
	t.Helper()
	w := &watched{dir: t.TempDir(), got: make(chan string, 100), still: make(chan func() bool, 100), problems: make(chan error, 100)}
	check(t, os.WriteFile(filepath.Join(w.dir, "a.cue"), []byte("package site\n"), 0o644))
	check(t, os.WriteFile(filepath.Join(w.dir, "b.cue"), []byte("package site\nb: 0\n"), 0o644))
	d := Directory{Path: w.dir, Log: slog.New(slog.DiscardHandler), Problem: func(err error) { w.problems <- err }}
	s := &source{Directory: d, watcher: newWatcher(w.dir), patience: patience, deliver: func(r Revision) {
		text, _ := os.ReadFile(filepath.Join(w.dir, "b.cue"))
		w.still <- r.Still
		w.got <- string(text)
	}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer s.watcher.close()
		for s.look(ctx); ctx.Err() == nil; s.look(ctx) {
			s.wait(ctx)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	if got := w.next(t); got != "package site\nb: 0\n" {
		t.Fatalf("at first b holds %q", got)
	}
	return w
}

func (w *watched) next(t *testing.T) string {
	t.Helper()
	select {
	case got := <-w.got:
		return got
	case <-time.After(time.Minute):
		t.Fatal("no revision came")
	}
	return ""
}

const wholeB = "package site\nb: 1\nc: 2\n"

// A file that is written slowly is read when it is closed, and not before.
func TestAFileIsReadWhenItIsClosed(t *testing.T) {
	for name, c := range map[string]struct {
		flags  int
		pause  time.Duration
		pieces int
	}{
		"emptied, and the rest a second later": {os.O_WRONLY | os.O_TRUNC, time.Second, 2},
		"over five seconds":                    {os.O_WRONLY | os.O_TRUNC, 500 * time.Millisecond, 10},
		"in place":                             {os.O_RDWR, 700 * time.Millisecond, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch(t, patience)
			f, err := os.OpenFile(filepath.Join(w.dir, "b.cue"), c.flags, 0)
			check(t, err)
			for i := range c.pieces {
				from, to := len(wholeB)*i/c.pieces, len(wholeB)*(i+1)/c.pieces
				_, err := f.WriteString(wholeB[from:to])
				check(t, err)
				if i < c.pieces-1 {
					<-time.After(c.pause)
				}
			}
			check(t, f.Close())
			if got := w.next(t); got != wholeB {
				t.Errorf("delivered while b held %q", got)
			}
		})
	}
}

// A new file that is not yet whole is waited for, too, with what else has changed.
func TestANewFileIsReadWhenItIsClosed(t *testing.T) {
	w := watch(t, patience)
	f, err := os.Create(filepath.Join(w.dir, "c.cue"))
	check(t, err)
	_, err = f.WriteString("package site\n")
	check(t, err)
	check(t, os.WriteFile(filepath.Join(w.dir, "b.cue"), []byte(wholeB), 0o644))
	select {
	case got := <-w.got:
		t.Errorf("delivered %q while c is written", got)
	case <-time.After(2 * time.Second):
	}
	check(t, f.Close())
	if got := w.next(t); got != wholeB {
		t.Errorf("delivered %q", got)
	}
}

// One that is never closed is told, and is taken when it is.
func TestAFileThatStaysOpenIsTold(t *testing.T) {
	w := watch(t, 500*time.Millisecond)
	f, err := os.OpenFile(filepath.Join(w.dir, "b.cue"), os.O_WRONLY|os.O_TRUNC, 0)
	check(t, err)
	_, err = f.WriteString("package site\n")
	check(t, err)
	select {
	case err := <-w.problems:
		if err == nil || !strings.Contains(err.Error(), "b.cue has been open for writing for 500ms") {
			t.Errorf("told %v", err)
		}
	case got := <-w.got:
		t.Fatalf("delivered %q", got)
	case <-time.After(time.Minute):
		t.Fatal("told nothing")
	}
	_, err = f.WriteString("b: 1\nc: 2\n")
	check(t, err)
	check(t, f.Close())
	if got := w.next(t); got != wholeB {
		t.Errorf("delivered %q", got)
	}
}

// A command that reads a directory once waits, too.
func TestWholeWaits(t *testing.T) {
	dir := t.TempDir()
	none := func(string) Around { return Around{} }
	f, err := os.Create(filepath.Join(dir, "a.cue"))
	check(t, err)
	ended := make(chan error, 1)
	go func() { ended <- Whole(t.Context(), dir, none) }()
	select {
	case err := <-ended:
		t.Errorf("it did not wait: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	check(t, f.Close())
	check(t, <-ended)
	check(t, Whole(t.Context(), filepath.Join(dir, "none"), none))
}

// A log in the directory is no reason to wait for ever.
func TestALogThatStaysOpenHoldsUpNothing(t *testing.T) {
	w := watch(t, 500*time.Millisecond)
	f, err := os.Create(filepath.Join(w.dir, "x.log"))
	check(t, err)
	defer func() { _ = f.Close() }()
	_, err = f.WriteString("one line\n")
	check(t, err)
	check(t, os.WriteFile(filepath.Join(w.dir, "b.cue"), []byte(wholeB), 0o644))
	if got := w.next(t); got != wholeB {
		t.Errorf("delivered %q", got)
	}
}

// What editors and copying programs leave beside a file is no revision.
func TestScratchFilesAreNoRevision(t *testing.T) {
	w := watch(t, patience)
	for _, name := range []string{"#b.cue#", ".#b.cue", "b.cue~", ".b.cue.swp", ".b.cue.Ab12Cd", "b.cue.tmp", "4913", ".DS_Store"} {
		check(t, os.WriteFile(filepath.Join(w.dir, name), []byte("package other\n"), 0o644))
		<-time.After(100 * time.Millisecond)
	}
	check(t, os.Rename(filepath.Join(w.dir, ".b.cue.Ab12Cd"), filepath.Join(w.dir, "b.cue")))
	if got := w.next(t); got != "package other\n" {
		t.Errorf("delivered %q", got)
	}
	if len(w.got) > 0 {
		t.Errorf("%d revisions more", len(w.got))
	}
}

// A revision says whether what was read of it was whole.
func TestARevisionKnowsWhetherItStillIs(t *testing.T) {
	w := watch(t, patience)
	still, b := <-w.still, filepath.Join(w.dir, "b.cue")
	if !still() {
		t.Error("nothing has changed")
	}
	check(t, os.WriteFile(filepath.Join(w.dir, "x.log"), []byte("x"), 0o644))
	if !still() {
		t.Error("no spec has changed")
	}
	f, err := os.OpenFile(b, os.O_WRONLY, 0)
	check(t, err)
	if still() {
		t.Error("b is being written")
	}
	check(t, f.Close())
	if !still() {
		t.Error("b is as it was")
	}
	check(t, os.Remove(b))
	if still() {
		t.Error("b is gone")
	}
}

// Where there are no leases, as of another user's files, the time of the last change has
// to do.
func TestFilesWithoutLeases(t *testing.T) {
	written := func(name string, age time.Duration) (*os.File, os.FileInfo) {
		path := filepath.Join(t.TempDir(), name)
		check(t, os.WriteFile(path, []byte("package site\n"), 0o644))
		check(t, os.Chtimes(path, time.Time{}, time.Now().Add(-age)))
		f, info, err := openPlain(path)
		check(t, err)
		t.Cleanup(func() { _ = f.Close() })
		return f, info
	}
	f, info := written("new.cue", -time.Hour/2)
	old, oldInfo := written("old.cue", time.Minute)
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the loss of its rights
		var none [2]unix.CapUserData
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		if err := errors.Join(unix.Setfsuid(65534), unix.Capset(&header, &none[0])); err != nil {
			t.Error(err)
		}
		if _, known := leaseDenied(f); known {
			t.Error("a lease of another user's file")
		}
		if beingWritten(f, info) || beingWritten(old, oldInfo) {
			t.Error("a clock that is wrong, or a file that is old, is taken for one that is written")
		}
	}()
	<-done
}

// A pipe that another user puts in the place of .git, or of a file, is not waited for.
func TestPipesAreNotWaitedFor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "w", "site")
	check(t, os.MkdirAll(dir, 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "a.cue"), []byte("package site\n"), 0o644))
	for _, pipe := range []string{filepath.Join(filepath.Dir(dir), ".git"), filepath.Join(dir, "b.cue")} {
		check(t, unix.Mkfifo(pipe, 0o600))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		gitAtWork(dir)
		_, _, _ = openPlain(filepath.Join(dir, "b.cue"))
		_, _ = readAll(dir, Around{})
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("a pipe is waited for")
	}
	open := filepath.Join(t.TempDir(), "w")
	check(t, os.MkdirAll(filepath.Join(open, "site"), 0o755))
	check(t, os.MkdirAll(filepath.Join(open, ".git"), 0o755))
	check(t, os.WriteFile(filepath.Join(open, ".git", "index.lock"), nil, 0o644))
	if !gitAtWork(filepath.Join(open, "site")) {
		t.Error("git's lock is not seen")
	}
	check(t, os.Chmod(open, 0o777))
	if gitAtWork(filepath.Join(open, "site")) {
		t.Error("anybody can put a lock above the directory")
	}
}
