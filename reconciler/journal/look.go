package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// Look reads the journal of a state directory into memory, and makes and changes nothing
// there: no file, no lock that lasts. What is put into the result is forgotten. A directory
// without a journal has an empty one. It fails with [ErrLocked] while a havn holds the
// file, which answers on its socket, and with [ErrNoRights].
func Look(dir string, log *slog.Logger) (*Journal, error) {
	path := filepath.Join(dir, fileName)
	s, known := &store{}, newMemory()
	var past []sealedEvent
	err := s.guard(func() (err error) {
		s.db, err = bolt.Open(path, 0, &bolt.Options{ReadOnly: true, PreLoadFreelist: true, Timeout: lockWait, OpenFile: s.openFile})
		if err != nil {
			return err
		}
		if err := s.db.View(sound); err != nil {
			return err
		}
		return s.db.View(func(tx *bolt.Tx) error {
			past = sealedEvents(tx)
			return known.read(tx, log)
		})
	})
	_ = s.close() // what was read is in memory
	switch {
	case errors.Is(err, fs.ErrNotExist):
		known = newMemory()
	case errors.Is(err, bolt.ErrTimeout): //nolint:staticcheck // bbolt's own name for it
		return nil, fmt.Errorf("%s: %w%s", dir, ErrLocked, holder(dir))
	case errors.Is(err, unix.EACCES):
		return nil, fmt.Errorf("%w %s: run havn as root, or as the user of that file", ErrNoRights, path)
	case err != nil:
		log.Warn("the journal can't be read; the next run or apply sets it aside", "err", err)
		known, past = newMemory(), nil
	}
	return &Journal{log: log, memory: known, past: past}, nil
}

// A sealedEvent is an event as it is in the file.
type sealedEvent struct{ key, text []byte }

func sealedEvents(tx *bolt.Tx) []sealedEvent {
	var out []sealedEvent
	b := tx.Bucket(bucketEvents)
	if b == nil {
		return nil
	}
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		out = append(out, sealedEvent{slices.Clone(k), slices.Clone(v)})
	}
	return out
}
