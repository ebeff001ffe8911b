package gitops

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"havn.internal/gitops/durable"
)

// A FileMemory is a [Memory] in one file, replaced as a whole. One that can't be
// read is an error and no empty memory: the order of revisions hangs on it.
type FileMemory struct{ Path string }

// Accepted implements [Memory].
func (m FileMemory) Accepted() (Accepted, bool, error) {
	text, err := os.ReadFile(m.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return Accepted{}, false, nil
	}
	if err != nil {
		return Accepted{}, false, err
	}
	var a Accepted
	if err := json.Unmarshal(text, &a); err != nil {
		return a, false, fmt.Errorf("%s is damaged: %w; remove it to take the next revision without a check of its order", m.Path, err)
	}
	return a, true, nil
}

// Accept implements [Memory].
func (m FileMemory) Accept(a Accepted) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return durable.Replace(m.Path, text, 0o600)
}
