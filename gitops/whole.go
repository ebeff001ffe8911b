package gitops

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// patience is how long a file that is being written is waited for in silence.
	patience = 30 * time.Second
	// glance is how often it is looked at meanwhile.
	glance = 100 * time.Millisecond
	// fresh is how long after its last change a file may be half of what it will be,
	// where it cannot be known whether it is still open.
	fresh = time.Second
)

// beingWritten: a process has the file open for writing. The kernel refuses a read lease then
// (fcntl(2), F_SETLEASE); it is given back at once, so no writer waits for it. Where there are
// no leases, as on NFS, and for files of other users, the time of the last change has to do.
func beingWritten(f *os.File, info fs.FileInfo) bool {
	open, known := leaseDenied(f)
	if known {
		return open
	}
	age := time.Since(info.ModTime())
	return age >= 0 && age < fresh
}

func leaseDenied(f *os.File) (denied, known bool) {
	raw, err := f.SyscallConn()
	if err != nil {
		return false, false
	}
	var leaseErr error
	err = raw.Control(func(fd uintptr) {
		if _, leaseErr = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK); leaseErr == nil {
			_, _ = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK)
		}
	})
	switch {
	case err != nil:
		return false, false
	case leaseErr == nil:
		return false, true
	}
	return true, errors.Is(leaseErr, unix.EAGAIN)
}

// openPlain opens a regular file. Another user can put a pipe in its place, which is not
// waited for, or a link, which is not followed.
func openPlain(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a plain file")
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// stillOpen are those of the files that are being written.
func stillOpen(files []string) []string {
	return slices.DeleteFunc(slices.Clone(files), func(path string) bool {
		f, info, err := openPlain(path)
		if err != nil {
			return true
		}
		defer func() { _ = f.Close() }()
		return !beingWritten(f, info)
	})
}

// await reads the directory when none of the files is being written any more. After
// patience, a spec that still is makes an error, and any other file is taken as it is: it
// may be a log.
func (s *source) await(ctx context.Context, open []string) (r Revision, now content, err error) {
	for begin := time.Now(); ctx.Err() == nil; {
		s.settle(ctx, glance)
		if open = stillOpen(open); len(open) == 0 {
			r, now, err = s.read()
			if open = now.open; err != nil || len(open) == 0 {
				return r, now, err
			}
		}
		if time.Since(begin) < s.patience {
			continue
		}
		if i := slices.IndexFunc(open, isSpec); i >= 0 {
			return r, now, openTooLong(open[i], s.patience)
		}
		s.Log.Warn("a file of the spec's directory is written all the time; it is taken as it is", "file", open[0])
		return s.read()
	}
	return r, now, ctx.Err()
}

func isSpec(path string) bool { return filepath.Ext(path) == ".cue" }

// still says whether the specs are those of the content, and none is being written.
func still(root string, around Around, was content) bool {
	now, err := readAll(root, around)
	return err == nil && now.specID == was.specID && !slices.ContainsFunc(now.open, isSpec)
}

// Whole waits until no spec of a directory is being written. The error says which still is
// after half a minute.
func Whole(ctx context.Context, dir string, around func(dir string) Around) error {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil // whoever reads the directory says why it can't be
	}
	now, _ := readAll(root, around(root))
	open := slices.DeleteFunc(now.open, func(path string) bool { return !isSpec(path) })
	for begin := time.Now(); len(open) > 0; open = stillOpen(open) {
		if time.Since(begin) > patience {
			return openTooLong(open[0], patience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(glance):
		}
	}
	return nil
}

func openTooLong(path string, since time.Duration) error {
	return fmt.Errorf("%s has been open for writing for %s; it is read when it is closed (`fuser -v %s` shows who has it)", path, since, path)
}
