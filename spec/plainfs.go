package spec

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// OpenRoot is [os.OpenRoot] for a directory alone. Whoever opens a named pipe waits
// for the one who writes to it, and no signal ends that.
func OpenRoot(dir string) (*os.Root, error) {
	if i, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !i.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
	}
	return os.OpenRoot(dir)
}

// PlainFS is what lies below a root, as far as it is plain files and directories.
// Anything else can't be opened, and can't hold whoever tries.
func PlainFS(root *os.Root) fs.FS { return plainFS{root} }

type plainFS struct{ root *os.Root }

var errNotPlain = errors.New("is not a plain file")

func (p plainFS) Open(name string) (fs.File, error) { return openPlain(p.root, name) }

func (p plainFS) Stat(name string) (fs.FileInfo, error) { return p.root.Stat(name) }

// openPlain opens a file or directory without waiting, whatever it has been replaced
// with meanwhile.
func openPlain(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if i, err := f.Stat(); err != nil || !i.IsDir() && !i.Mode().IsRegular() {
		_ = f.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: errNotPlain}
	}
	return f, nil
}
