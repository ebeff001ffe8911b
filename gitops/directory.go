package gitops

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"
)

// A burst of writes is one revision: it is over after quiet without a change, or
// after burst in any case. One that takes something away is over after doubt only:
// many programs write a file by emptying or removing it first.
const (
	quiet = 15 * time.Millisecond
	doubt = 250 * time.Millisecond
	burst = 2 * time.Second
	// checkout is how long a git command may hold back a revision.
	checkout = 10 * time.Second
)

// A directory that can't be watched, or of which nothing can be delivered, is
// looked at every poll; any other every relook, since some file systems tell
// nothing of their changes.
const (
	poll   = 5 * time.Second
	relook = time.Minute
)

// A Directory is a plain directory as a source.
type Directory struct {
	Path string
	// Around says what the directory's spec is made of beside what is below the
	// directory; nil if that is nothing.
	Around func(dir string) Around
	Log    *slog.Logger
	// Problem is told why nothing is delivered, and nil when that is over.
	Problem func(error)
}

// Around is what a directory's spec is made of beside the directory.
type Around struct {
	// Root is the directory that the spec is a part of, and Inside the path there.
	Root, Inside string
	// Files and Dirs are relative to Root. A change in one of Dirs, and not below it,
	// may be one of the files.
	Files, Dirs []string
}

// errEmpty: a directory without specs is held to be an accident.
var errEmpty = errors.New("there are no .cue files in the directory")

// Run delivers the directory as it is, and again whenever its content changes,
// until ctx ends. The error is that of ctx.
func (d Directory) Run(ctx context.Context, deliver func(Revision)) error {
	path, err := filepath.Abs(d.Path)
	if err != nil {
		path = filepath.Clean(d.Path)
	}
	d.Path = path
	s := &source{Directory: d, deliver: deliver, watcher: newWatcher(path), patience: patience}
	defer s.watcher.close()
	s.look(ctx)
	for ctx.Err() == nil {
		s.wait(ctx)
		s.look(ctx)
	}
	return ctx.Err()
}

// A source is one Run.
type source struct {
	Directory
	deliver func(Revision)
	watcher *watcher
	last    content
	failing bool
	told    string // what is wrong, as Problem was told
	// patience is how long a file that is being written is waited for in silence.
	patience time.Duration
	// polling: that the directory can't be watched has been said.
	polling bool
}

// wait returns when something may have changed and the burst is over, or when it
// is time to look anyway.
func (s *source) wait(ctx context.Context) {
	pause := relook
	if s.failing || s.watcher.err != nil {
		pause = poll
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	if s.watcher.next(ctx, timer.C) {
		s.settle(ctx, quiet)
	}
}

// settle waits until nothing has changed for a time, and no git command is at work
// on the files.
func (s *source) settle(ctx context.Context, calm time.Duration) {
	for begin := time.Now(); ctx.Err() == nil; {
		timer := time.NewTimer(calm)
		changed := s.watcher.next(ctx, timer.C)
		timer.Stop()
		switch busy, took := gitAtWork(s.Path), time.Since(begin); {
		case !changed && !busy, !busy && took > burst, took > checkout:
			return
		}
	}
}

// look delivers the directory if its content is another than last time.
func (s *source) look(ctx context.Context) {
	r, now, err := s.read()
	if err == nil && (now.lacks(s.last) || gitAtWork(s.Path)) {
		s.settle(ctx, doubt)
		r, now, err = s.read()
	}
	if err == nil && now.id != s.last.id && len(now.open) > 0 {
		r, now, err = s.await(ctx, now.open)
	}
	if ctx.Err() != nil {
		return
	}
	if err := s.watcher.err; err != nil && !s.polling {
		s.Log.Warn("can't watch the directory; looking at it every "+poll.String(), "dir", s.Path, "err", err,
			"help", "raise fs.inotify.max_user_watches and max_user_instances")
		s.polling = true
	}
	if err != nil {
		s.failing = true
		if inside := new(fs.PathError); errors.As(err, &inside) && inside.Path == s.Path {
			err = inside.Err // the path is said already
		}
		s.tell(fmt.Errorf("%s: %w", s.Path, err))
		return
	}
	s.failing = false
	s.tell(nil)
	if now.id != s.last.id {
		s.last = now
		s.deliver(r)
	}
}

// read watches the directory as it is now, and then reads it: what changes in
// between is looked at once more.
func (s *source) read() (r Revision, now content, err error) {
	_, around, _ := s.find()
	s.watcher.follow(around.dirs())
	root, around, err := s.find()
	if err != nil {
		return r, now, err
	}
	r.Dir = root
	if around.Inside != "" {
		r.Dir, r.Inside = around.Root, around.Inside
	}
	now, err = readAll(root, around)
	r.ID = now.id
	r.Still = func() bool { return still(root, around, now) }
	return r, now, err
}

// find is where the path leads, and what belongs to it there.
func (s *source) find() (root string, around Around, err error) {
	root, err = filepath.EvalSymlinks(s.Path)
	if err == nil && s.Around != nil {
		around = s.Around(root)
	}
	return root, around, err
}

func (a Around) dirs() []string {
	var dirs []string
	for _, dir := range a.Dirs {
		dirs = append(dirs, filepath.Join(a.Root, dir))
	}
	return dirs
}

// tell tells why nothing is delivered if that is news.
func (s *source) tell(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != s.told && s.Problem != nil {
		s.Problem(err)
	}
	s.told = text
}
