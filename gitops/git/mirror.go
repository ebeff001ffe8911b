package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A Mirror is the part of a remote that is known here: a bare, shallow repository
// that can be made anew at any time, and is when it is damaged or has grown.
type Mirror struct {
	// State is a directory for the mirror and its configuration alone.
	State  string
	Remote Remote
	Limits Limits
	Log    *slog.Logger
}

func (m *Mirror) dir() string { return filepath.Join(m.State, "mirror.git") }

// The refs of the mirror: what was fetched last.
const tip = "refs/havn/tip"

// sourceName is the file in the mirror that says which remote it is of.
const sourceName = "havn-remote"

// renewed is where a mirror is made anew.
const renewed = "renewed"

// Open checks the remote and lays the configuration. It does not need the remote
// to be there.
func (m *Mirror) Open() error {
	if err := m.Remote.Check(); err != nil {
		return err
	}
	if !plainPath(m.State) {
		return fmt.Errorf("the state directory %q: an absolute path without spaces or quotes", m.State)
	}
	if err := os.RemoveAll(filepath.Join(m.State, renewed)); err != nil {
		return fmt.Errorf("prepare git: %w", err)
	}
	if err := m.writeConfig(); err != nil {
		return fmt.Errorf("prepare git: %w", err)
	}
	if of, err := os.ReadFile(filepath.Join(m.dir(), sourceName)); err != nil || string(of) != m.Remote.URL {
		return m.discard()
	}
	m.sweep()
	return nil
}

func (m *Mirror) discard() error {
	if err := os.RemoveAll(m.dir()); err != nil {
		return fmt.Errorf("remove the mirror: %w", err)
	}
	return nil
}

// sweep removes what a git that was killed left behind: its locks would stop every
// later one, and its half packs would fill the disk.
func (m *Mirror) sweep() {
	left, _ := filepath.Glob(filepath.Join(m.temporary(), "*"))
	for _, path := range left {
		// What is new may be of a call that somebody else is making.
		if i, err := os.Lstat(path); err == nil && time.Since(i.ModTime()) > m.Limits.Local {
			_ = os.RemoveAll(path)
		}
	}
	_ = filepath.WalkDir(m.dir(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		name := entry.Name()
		if strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, "tmp_") || strings.HasPrefix(name, "shallow_") {
			_ = os.Remove(path)
		}
		return nil
	})
}

// create makes an empty mirror where there is none.
func (m *Mirror) create(ctx context.Context, id string) error {
	if _, err := os.Stat(filepath.Join(m.dir(), sourceName)); err == nil {
		return nil
	}
	if err := m.discard(); err != nil {
		return err
	}
	format := "sha1"
	if len(id) == 64 {
		format = "sha256"
	}
	if err := os.MkdirAll(m.dir(), 0o700); err != nil {
		return fmt.Errorf("make the mirror: %w", err)
	}
	if _, err := m.output(ctx, call{args: []string{"init", "--quiet", "--bare", "--template=", "--object-format=" + format, "--", m.dir()}}); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(m.dir(), sourceName), []byte(m.Remote.URL), 0o600)
}

// Fetch brings the commit that ref, a full name or an id, stands for now.
func (m *Mirror) Fetch(ctx context.Context, ref, id string) (commit string, err error) {
	if err := m.create(ctx, id); err != nil {
		return "", err
	}
	if m.grown() {
		m.Log.Debug("the mirror is made anew: it has grown")
		return m.Renew(ctx, ref, id)
	}
	return m.fetch(ctx, ref)
}

func (m *Mirror) fetch(ctx context.Context, ref string) (string, error) {
	m.sweep()
	args := m.fetchArgs()
	if !m.known(ctx, tip) {
		args = append(args, "--depth=1")
	}
	_, err := m.output(ctx, call{args: append(args, "--end-of-options", "origin", "+"+ref+":"+tip), remote: true})
	if err != nil {
		m.sweep()
		return "", err
	}
	return m.commit(ctx, tip)
}

// fetchArgs leave out what is larger than a spec file may be, where the server can.
func (m *Mirror) fetchArgs() []string {
	return []string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance",
		"--force", fmt.Sprintf("--filter=blob:limit=%d", m.Limits.FileSize+1)}
}

// commit is the commit that a name of the mirror stands for.
func (m *Mirror) commit(ctx context.Context, name string) (string, error) {
	out, err := m.output(ctx, call{args: []string{"rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}"}})
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(out)), nil
}

func (m *Mirror) known(ctx context.Context, name string) bool {
	_, err := m.commit(ctx, name)
	return err == nil
}

// Doubted: the error may come from a mirror that is damaged. A damaged mirror can
// make git say anything, and crash; only what the network did is above suspicion,
// and a mirror into which nothing was fetched yet.
func (m *Mirror) Doubted(err error) bool {
	var f *Failure
	if !errors.Is(err, ErrDamaged) && (!errors.As(err, &f) || !f.Doubt) {
		return false
	}
	entries, err := os.ReadDir(filepath.Join(m.dir(), "refs", "havn"))
	return err == nil && len(entries) > 0
}

// grown: the mirror holds so many fetches that a new one is smaller and faster.
func (m *Mirror) grown() bool {
	entries, err := os.ReadDir(filepath.Join(m.dir(), "objects", "pack"))
	if err != nil {
		return false
	}
	packs, size := 0, int64(0)
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".pack") {
			packs++
		}
		if i, err := entry.Info(); err == nil {
			size += i.Size()
		}
	}
	return packs >= m.Limits.Packs || size > 2*m.Limits.Pack
}

// Renew makes the mirror anew beside the old one, which stays if that fails.
func (m *Mirror) Renew(ctx context.Context, ref, id string) (string, error) {
	fresh := *m
	fresh.State = filepath.Join(m.State, renewed)
	defer func() { _ = os.RemoveAll(fresh.State) }()
	if err := fresh.Open(); err != nil {
		return "", err
	}
	if err := fresh.create(ctx, id); err != nil {
		return "", err
	}
	commit, err := fresh.fetch(ctx, ref)
	if err != nil {
		return "", err
	}
	if err := m.discard(); err != nil {
		return "", err
	}
	if err := os.Rename(fresh.dir(), m.dir()); err != nil {
		return "", fmt.Errorf("renew the mirror: %w", err)
	}
	return commit, nil
}
