// Package journal remembers what can't be seen on the host: verdicts, last good
// releases, which image a reference stood for, and what happened when and why.
//
// Rule of the package: it is advisory. A journal that is lost, damaged or can't be
// written costs at most a repeated health gate; it never keeps havn from starting
// or from healing. Only a user who may not open it is refused: to that user it would
// look empty.
package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// ErrLocked: another havn works with the state directory.
var ErrLocked = errors.New("another havn works with this state directory")

// ErrNoRights: this user may not read and write the journal, or not make one.
var ErrNoRights = errors.New("no rights on")

const (
	fileName = "journal.db"
	pidName  = "havn.pid"
)

// A Journal is one state directory's memory. What it knows is kept in memory too,
// so that a disk that fills up or fails costs only what a restart would need.
type Journal struct {
	log   *slog.Logger
	store *store

	// past are the events of a journal that was only looked at.
	past []sealedEvent

	mu sync.Mutex
	memory
	queue  []entry
	closed bool
	// work says that something is queued, closing that nothing will be.
	work    chan struct{}
	closing chan struct{}
	writer  sync.WaitGroup
	// behind is why the last write failed: the file lacks something the memory has.
	behind error
}

// memory is what a journal knows without looking at the disk.
type memory struct {
	verdicts map[plan.VerdictKey]plan.Verdict
	lastGood map[string]spec.Release
	// pins are what references stand for, by revision.
	pins map[string]map[string]string
	// legacy is the revision whose pins are kept as journals of before did.
	legacy string
	site   *spec.Site
	good   string
	// sites are in the order in which they came.
	sites []stored
	// letters are kept for others, by their IDs.
	letters map[string]json.RawMessage
	// former are the images of each service's good releases before the last good one.
	former map[string][]string
	// fetched are the images that havn fetched, by content address.
	fetched map[string]plan.FetchedImage
}

type pins struct {
	Revision string            `json:"revision"`
	Images   map[string]string `json:"images"`
}

// Open opens or makes the journal of a state directory. It fails with [ErrLocked], and
// with [ErrNoRights], as a file of others is not damaged; anything else that is wrong
// with the file is logged, and the file set aside.
func Open(dir string, log *slog.Logger) (*Journal, error) {
	path := filepath.Join(dir, fileName)
	s, known, err := openStore(path, log)
	if errors.Is(err, bolt.ErrTimeout) { //nolint:staticcheck // bbolt's own name for it
		return nil, fmt.Errorf("%s: %w%s", dir, ErrLocked, holder(dir))
	}
	if errors.Is(err, unix.EACCES) {
		return nil, fmt.Errorf("%w %s: run havn as root, or as the user of that file", ErrNoRights, path)
	}
	if err != nil {
		aside := path + ".damaged"
		log.Warn("the journal can't be read and is set aside; nothing that runs is affected", "file", aside, "err", err)
		if err := os.Rename(path, aside); err != nil {
			log.Warn("set the journal aside", "err", err)
		}
		if s, known, err = openStore(path, log); err != nil {
			log.Warn("havn goes on without a journal", "err", err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, pidName), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		log.Debug("write the pid", "err", err)
	}
	j := &Journal{log: log, store: s, memory: known, work: make(chan struct{}, 1), closing: make(chan struct{})}
	if s != nil {
		j.writer.Go(j.write)
	}
	return j, nil
}

// Problem is why what havn remembers can't be written, empty if it can.
func (j *Journal) Problem() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.behind == nil {
		return ""
	}
	return j.behind.Error()
}

// holder names the process that was last seen to work with the directory.
func holder(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, pidName))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (pid %s); ask it with `havn status`, or give another --state", strings.TrimSpace(string(text)))
}

// Close writes what is left to write and lets go of the file.
func (j *Journal) Close() error {
	j.mu.Lock()
	again := j.closed
	j.closed = true
	j.mu.Unlock()
	if j.store == nil || again {
		return nil
	}
	close(j.closing)
	j.writer.Wait()
	return j.store.close()
}
