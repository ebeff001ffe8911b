package hold

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"havn.internal/gitops/durable"
	"havn.internal/spec"
)

// A Store keeps what people asked for, and the site of the source that was let pass
// last, in two files of a directory. Each is replaced as a whole.
type Store struct{ Dir string }

const (
	pinName    = "pin.json"
	passedName = "passed.json"
)

func (s Store) pinPath() string { return filepath.Join(s.Dir, pinName) }

// State reads what people asked for. One that can't be read is an error and never
// the empty state.
func (s Store) State() (State, error) {
	var st State
	err := load(s.pinPath(), &st)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	if err != nil {
		return State{}, fmt.Errorf("what is pinned on this host can't be read: %w; `havn unpin` takes off whatever was pinned or frozen", err)
	}
	return st, nil
}

// SetState replaces what people asked for.
func (s Store) SetState(st State) error { return save(s.pinPath(), st) }

// Passed is the site of the source that was let pass last; false if none is known.
func (s Store) Passed() (spec.Site, bool) {
	var site spec.Site
	err := load(filepath.Join(s.Dir, passedName), &site)
	return site, err == nil
}

// SetPassed replaces the site that was let pass last.
func (s Store) SetPassed(site spec.Site) error { return save(filepath.Join(s.Dir, passedName), site) }

// sealed is a file's form. The sum finds a bit that fell over: it would start
// something that nobody asked for.
type sealed struct {
	Sum   string          `json:"sha256"`
	Value json.RawMessage `json:"value"`
}

func sum(text []byte) string {
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:])
}

func load(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var file sealed
	if err := json.Unmarshal(text, &file); err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	if sum(file.Value) != file.Sum {
		return fmt.Errorf("%s is damaged: its checksum is wrong", path)
	}
	if err := json.Unmarshal(file.Value, into); err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	return nil
}

func save(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if text, err = json.Marshal(sealed{sum(text), text}); err != nil {
		return err
	}
	return durable.Replace(path, text, 0o600)
}
