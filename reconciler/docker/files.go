package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"havn.internal/spec"
)

// filePath is where a config file lies on the host: named by its content and
// mode, so that a replica keeps what it was started with.
func (e *Engine) filePath(f spec.File) string {
	return filepath.Join(e.State, "files", fmt.Sprintf("%s-%04o", f.SHA256, f.Mode))
}

// writeFiles puts a service's config files in place. A file without content is
// one of a stored release and has to be there already.
func (e *Engine) writeFiles(s spec.Service) error {
	for target, f := range s.Files {
		if err := e.writeFile(f); err != nil {
			return fmt.Errorf("config file %s: %w", target, err)
		}
	}
	return nil
}

func (e *Engine) writeFile(f spec.File) error {
	path := e.filePath(f)
	have, err := os.ReadFile(path)
	if err == nil && digest(have) == f.SHA256 {
		return nil
	}
	if f.Content == "" && f.SHA256 != digest(nil) {
		return fmt.Errorf("its content is lost: %s is gone from the state directory", filepath.Base(path))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(f.Content)
	err = errors.Join(err, tmp.Chmod(fs.FileMode(f.Mode).Perm()), tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	// A replica that Docker restarts after a power cut needs it to be there.
	return syncDir(filepath.Dir(path))
}

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
	list, err := os.ReadDir(filepath.Join(e.State, "files"))
	if err != nil || unsure {
		return
	}
	needed := map[string]bool{}
	for _, r := range keep {
		for _, f := range r.Service.Files {
			needed[e.filePath(f)] = true
		}
	}
	for _, entry := range list {
		path := filepath.Join(e.State, "files", entry.Name())
		if needed[path] {
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
