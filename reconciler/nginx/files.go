package nginx

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// nginx's directory is written to by nginx's container, too, whose root is not this
// machine's: so each file in it is opened below the directory ([os.Root]), and a link
// that leads out of it is refused. Others than root read none of it: a configuration
// has the values of headers, and a log what was asked for. nginx's workers, which are
// another user's, only pass through.
const (
	passMode    fs.FileMode = 0o711 // nginx's directory, and the one of its temporary files
	dirMode     fs.FileMode = 0o700
	fileMode    fs.FileMode = 0o600
	logMode     fs.FileMode = 0o640
	keyFile                 = "key"
	keySize                 = 32
	errorFile               = "error.log"
	accessFile              = "access.log"
	tmpDir                  = "tmp"
	notFollowed             = syscall.O_NOFOLLOW | syscall.O_NONBLOCK
)

// within opens nginx's directory, so that nothing is opened outside of it.
func within(dir string, do func(*os.Root) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	return errors.Join(do(root), root.Close())
}

// furnish makes nginx's directory and what nginx would make itself for everybody to
// read.
func furnish(dir string) error {
	if err := os.MkdirAll(dir, passMode); err != nil {
		return err
	}
	return within(dir, func(root *os.Root) error {
		if err := root.Mkdir(tmpDir, passMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		err := errors.Join(root.Chmod(".", passMode), root.Chmod(tmpDir, passMode))
		for _, name := range []string{errorFile, accessFile} {
			f, failed := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND|notFollowed, logMode)
			if failed == nil {
				failed = errors.Join(f.Chmod(logMode), f.Close())
			}
			err = errors.Join(err, failed)
		}
		return err
	})
}

// keyOf is the key of nginx's directory, made if there is none and it may be.
func keyOf(dir string, make bool) (key []byte, err error) {
	err = within(dir, func(root *os.Root) error {
		if key, err = root.ReadFile(keyFile); err == nil && len(key) == keySize || !make {
			return nil
		}
		key = fresh()
		if err := root.Remove(keyFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return writeSynced(root, keyFile, key)
	})
	if err != nil && make {
		return nil, fmt.Errorf("nginx directory: %w", err)
	}
	return key, nil
}

// furnishAgain makes the directory anew if somebody removed it: what was confirmed is
// known still, and with the key it is known again later.
func (g *Gateway) furnishAgain() error {
	if err := furnish(g.Dir); err != nil {
		return err
	}
	return within(g.Dir, func(root *os.Root) error {
		if _, err := root.Lstat(keyFile); err == nil {
			return nil
		}
		return writeSynced(root, keyFile, g.key)
	})
}

func fresh() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	return key
}

// writeSynced writes a file that is not there yet.
func writeSynced(root *os.Root, name string, content []byte) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|syscall.O_NOFOLLOW, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir has what was made, renamed or removed in a directory outlast a power cut.
func syncDir(root *os.Root, name string) error {
	d, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
