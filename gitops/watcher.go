package gitops

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"havn.internal/spec/scratch"
)

// A watcher tells of changes below a path, also of those that make the path lead
// elsewhere: a link on the way that is switched, a directory that is replaced.
type watcher struct {
	path   string
	notify *fsnotify.Watcher
	// err is why not everything is watched.
	err error
	// root is where the path leads, and pivots are the entries on the way that
	// decide that.
	root   string
	pivots map[string]bool
	// beside are directories in which any entry counts, but not what is below it.
	beside map[string]bool
}

func newWatcher(path string) *watcher {
	n, err := fsnotify.NewWatcher()
	if err != nil {
		return &watcher{path: path, err: err}
	}
	return &watcher{path: path, notify: n}
}

func (w *watcher) close() {
	if w.notify != nil {
		_ = w.notify.Close()
	}
}

// next returns true when something below the path has changed, and false when
// time is up or ctx ends.
func (w *watcher) next(ctx context.Context, up <-chan time.Time) bool {
	var changes chan fsnotify.Event
	var errs chan error
	if w.notify != nil {
		changes, errs = w.notify.Events, w.notify.Errors
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-up:
			return false
		case e, open := <-changes:
			if !open {
				w.notify, w.err, changes, errs = nil, errors.New("the kernel's notifications ended"), nil, nil
			} else if w.relevant(e) {
				return true
			}
		case _, open := <-errs:
			if open {
				return true // the kernel dropped events; what they were does not matter
			}
			errs = nil
		}
	}
}

func (w *watcher) relevant(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod || scratch.Is(filepath.Base(e.Name)) {
		return false
	}
	return w.pivots[e.Name] || w.beside[filepath.Dir(e.Name)] || e.Name == w.root || strings.HasPrefix(e.Name, w.root+"/")
}

// follow watches every directory below the path, those that hold its pivots and those
// beside it, and no other any more.
func (w *watcher) follow(beside []string) {
	if w.notify == nil {
		return
	}
	w.err = nil
	w.pivots = pivots(w.path)
	wanted := map[string]bool{}
	w.beside = map[string]bool{}
	for _, dir := range beside {
		w.beside[dir], wanted[dir] = true, true
	}
	for p := range w.pivots {
		wanted[filepath.Dir(p)] = true
	}
	root, err := filepath.EvalSymlinks(w.path)
	w.root = root
	if err == nil {
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return nil
			}
			if entry.Name() == ".git" {
				return filepath.SkipDir
			}
			wanted[path] = true
			return nil
		})
	}
	for _, dir := range w.notify.WatchList() {
		if !wanted[dir] {
			_ = w.notify.Remove(dir)
		}
	}
	for dir := range wanted {
		// One that has gone meanwhile shows up as a change of the one it was in.
		if err := w.notify.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			w.err = err
		}
	}
}

// maxLinks is how many links a path may lead over.
const maxLinks = 40

// pivots are the entries that decide where path leads: each link on the way, the
// first entry that is missing, and the last one.
func pivots(path string) map[string]bool {
	out := map[string]bool{}
	links := 0
	here, rest := "/", strings.Split(strings.Trim(path, "/"), "/")
	for len(rest) > 0 {
		entry := filepath.Join(here, rest[0])
		rest = rest[1:]
		i, err := os.Lstat(entry)
		if err != nil || len(rest) == 0 {
			out[entry] = true
		}
		if err != nil {
			return out
		}
		if i.Mode()&fs.ModeSymlink == 0 {
			here = entry
			continue
		}
		out[entry] = true
		target, err := os.Readlink(entry)
		if links++; err != nil || links > maxLinks {
			return out
		}
		if filepath.IsAbs(target) {
			here = "/"
		}
		// A link may go up, so its parts are walked one by one.
		rest = append(strings.FieldsFunc(target, func(r rune) bool { return r == '/' }), rest...)
	}
	return out
}
