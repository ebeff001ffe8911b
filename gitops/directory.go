package gitops

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A Revision is one state of the source.
type Revision struct {
	// ID identifies the content.
	ID string
	// Dir is where it can be read.
	Dir string
}

// A burst of writes is one revision: it is over after quiet without a change, or
// after burst in any case. Where directories can't be watched they are looked at
// every poll.
const (
	quiet = 15 * time.Millisecond
	burst = 2 * time.Second
	poll  = 5 * time.Second
)

// A Directory is a plain directory as a source.
type Directory struct {
	Path string
	Log  *slog.Logger
	// Problem is told why nothing is delivered, and nil when that is over.
	Problem func(error)
}

// errEmpty: a directory without specs is held to be an accident.
var errEmpty = errors.New("there are no .cue files in the directory; what runs keeps running")

// Run delivers the directory as it is, and again whenever its content changes,
// until ctx ends. The error is that of ctx.
func (d Directory) Run(ctx context.Context, deliver func(Revision)) error {
	w := &watcher{Directory: d, deliver: deliver}
	w.open()
	defer w.close()
	w.look()
	for ctx.Err() == nil {
		if w.wait(ctx) {
			w.look()
		}
	}
	return ctx.Err()
}

// A watcher is one Run.
type watcher struct {
	Directory
	deliver func(Revision)
	notify  *fsnotify.Watcher
	last    string
	failing bool
	// polling: the kernel would not watch everything.
	polling bool
}

func (w *watcher) open() {
	n, err := fsnotify.NewWatcher()
	if err != nil {
		w.poll(err)
		return
	}
	w.notify = n
	w.watchAll()
}

func (w *watcher) close() {
	if w.notify != nil {
		_ = w.notify.Close()
	}
}

// poll falls back to looking now and then.
func (w *watcher) poll(err error) {
	if !w.polling {
		w.Log.Warn("can't watch the directory; looking at it every "+poll.String(), "dir", w.Path, "err", err,
			"help", "raise fs.inotify.max_user_watches and max_user_instances")
	}
	w.polling = true
}

// watchAll watches every directory below the path, and the one above it: the path
// may be a link that is switched, or be replaced.
func (w *watcher) watchAll() {
	if w.notify == nil {
		return
	}
	w.add(filepath.Dir(filepath.Clean(w.Path)))
	root, err := filepath.EvalSymlinks(w.Path)
	if err != nil {
		return
	}
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil
		}
		if entry.Name() == ".git" {
			return filepath.SkipDir
		}
		w.add(path)
		return nil
	})
}

func (w *watcher) add(dir string) {
	err := w.notify.Add(dir)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) {
		w.poll(err)
	}
}

// wait returns true when something may have changed and the burst is over.
func (w *watcher) wait(ctx context.Context) bool {
	var tick <-chan time.Time
	var events chan fsnotify.Event
	var errs chan error
	if w.notify != nil {
		events, errs = w.notify.Events, w.notify.Errors
	}
	if w.polling || w.failing {
		t := time.NewTimer(poll)
		defer t.Stop()
		tick = t.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-tick:
		return true
	case e := <-events:
		if w.foreign(e) {
			return false
		}
	case err := <-errs:
		// The kernel dropped events; what they were does not matter.
		w.Log.Debug("file events were lost", "err", err)
	}
	w.settle(ctx, events)
	return true
}

// foreign: the event is of the directory above and of another entry of it, or of
// a file that editors write beside the one they edit.
func (w *watcher) foreign(e fsnotify.Event) bool {
	path := filepath.Clean(w.Path)
	name := filepath.Base(e.Name)
	if filepath.Dir(e.Name) == filepath.Dir(path) && e.Name != path {
		return true
	}
	return e.Op == fsnotify.Chmod || strings.HasSuffix(name, "~") || strings.HasSuffix(name, ".swp") || strings.HasSuffix(name, ".swx") ||
		strings.HasPrefix(name, ".#") || name == "4913"
}

// settle waits until the burst of events is over.
func (w *watcher) settle(ctx context.Context, events <-chan fsnotify.Event) {
	end := time.After(burst)
	calm := time.NewTimer(quiet)
	defer calm.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-end:
			return
		case <-calm.C:
			return
		case <-events:
			calm.Reset(quiet)
		}
	}
}

// look delivers the directory if its content is another than last time.
func (w *watcher) look() {
	w.watchAll()
	root, err := filepath.EvalSymlinks(w.Path)
	id := ""
	if err == nil {
		id, err = digest(root)
	}
	if err != nil {
		w.failing = true
		w.tell(fmt.Errorf("%s: %w", w.Path, err))
		return
	}
	if w.failing {
		w.failing = false
		w.tell(nil)
	}
	if id != w.last {
		w.last = id
		w.deliver(Revision{ID: id, Dir: root})
	}
}

func (w *watcher) tell(err error) {
	if w.Problem != nil {
		w.Problem(err)
	}
}

// digest identifies what a directory holds. Files that are too large for a spec
// count with their size and time, for whoever evaluates them to refuse.
func digest(root string) (string, error) {
	h := sha256.New()
	specs := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && path == root:
			return err
		case err != nil:
			return nil // it went away meanwhile; its event is still to come
		case entry.IsDir() && entry.Name() == ".git":
			return filepath.SkipDir
		case entry.IsDir():
			return nil
		}
		name, _ := filepath.Rel(root, path)
		if filepath.Ext(path) == ".cue" && !strings.HasPrefix(name, "cue.mod") {
			specs++
		}
		fmt.Fprintf(h, "%d %s %s ", len(name), name, entry.Type())
		if entry.Type().IsRegular() {
			hashFile(h, path)
		}
		return nil
	})
	if err == nil && specs == 0 {
		err = errEmpty
	}
	return fmt.Sprintf("sha256:%x", h.Sum(nil)[:8]), err
}

const largest = 1 << 20

func hashFile(h io.Writer, path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	if i, err := f.Stat(); err == nil && i.Size() > largest {
		fmt.Fprintf(h, "%d %d", i.Size(), i.ModTime().UnixNano())
		return
	}
	_, _ = io.Copy(h, f)
}
