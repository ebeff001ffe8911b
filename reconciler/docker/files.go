package docker

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// filePath is where a config file lies on the host: named by its content, mode and
// owner, so that a replica keeps what it was started with.
func (e *Engine) filePath(f spec.File, user string) string {
	name := fileName(f)
	if uid, gid, _ := f.Owner(user); uid != 0 || gid != 0 {
		name += fmt.Sprintf("-%d-%d", uid, gid)
	}
	return filepath.Join(e.State, "files", name)
}

// fileName is what the names of a file begin with, whoever owns it.
func fileName(f spec.File) string { return fmt.Sprintf("%s-%04o", f.SHA256, f.Mode) }

// userOf is who a service's processes run as.
func userOf(s spec.Service, w plan.Word) string { return cmp.Or(s.User, w.User) }

// writeFiles puts a service's config files in place. A file without content is
// one of a stored release and has to be there already.
func (e *Engine) writeFiles(s spec.Service, w plan.Word) error {
	for target, f := range s.Files {
		if err := e.writeFile(f, userOf(s, w)); err != nil {
			return fmt.Errorf("config file %s: %w", target, err)
		}
	}
	return nil
}

func (e *Engine) writeFile(f spec.File, user string) error {
	path := e.filePath(f, user)
	if err := privateDir(filepath.Dir(path)); err != nil {
		return err
	}
	have, err := os.ReadFile(path)
	if err == nil && digest(have) == f.SHA256 {
		return os.Chmod(path, modeOf(f)) // an earlier havn may have given it more rights
	}
	if f.Content == "" && f.SHA256 != digest(nil) {
		return fmt.Errorf("its content is lost: %s is gone from the state directory", filepath.Base(path))
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(f.Content)
	if uid, gid, _ := f.Owner(user); err == nil && (uid != 0 || gid != 0) {
		err = tmp.Chown(uid, gid)
	}
	err = errors.Join(err, tmp.Chmod(modeOf(f)), tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	// A replica that Docker restarts after a power cut needs it to be there.
	return syncDir(filepath.Dir(path))
}

// privateDir makes the directory of config files, into which nobody but its owner may
// look: their modes are for the users of containers, and the engine mounts them as root.
func privateDir(dir string) error {
	const mode = 0o700
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	i, err := os.Stat(dir)
	if err == nil && i.Mode().Perm() != mode {
		err = os.Chmod(dir, mode)
	}
	return err
}

// modeOf is a file's mode on the machine: containers have it read-only, and nobody else
// is to write to it.
func modeOf(f spec.File) fs.FileMode { return fs.FileMode(f.Mode).Perm() & 0o555 }

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Tidy drops the config files that none of the releases has. While there is a
// replica whose release can't be read, all are kept.
func (e *Engine) Tidy(keep []spec.Release) {
	e.mu.Lock()
	unsure := e.unread
	e.mu.Unlock()
	dir := filepath.Join(e.State, "files")
	list, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	if err := privateDir(dir); err != nil { // one that an earlier havn made
		e.Log.Warn("close the directory of config files to others", "err", err)
	}
	if unsure {
		return
	}
	needed := map[string]bool{}
	for _, r := range keep {
		for _, f := range r.Service.Files {
			needed[fileName(f)] = true
		}
	}
	for _, entry := range list {
		path := filepath.Join(e.State, "files", entry.Name())
		// An owner stands behind the mode; which one a replica has is its image's word.
		if parts := strings.SplitN(entry.Name(), "-", 3); len(parts) > 1 && needed[parts[0]+"-"+parts[1]] {
			continue
		}
		if err := os.Remove(path); err != nil {
			e.Log.Warn("drop a config file", "err", err)
		}
	}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
