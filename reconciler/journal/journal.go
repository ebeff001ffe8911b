// Package journal remembers what can't be seen on the host: verdicts, last good
// releases, which image a reference stood for, and what happened when and why.
//
// Rule of the package: it is advisory. A journal that is lost, damaged or can't be
// written costs at most a repeated health gate; it never keeps havn from starting
// or from healing.
package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// ErrLocked: another havn works with the state directory.
var ErrLocked = errors.New("another havn works with this state directory")

const (
	fileName = "journal.db"
	pidName  = "havn.pid"
	// version of the format; a journal of another one is set aside.
	version = "1"
	// lockWait is how long a havn that is ending gets to let go.
	lockWait = 300 * time.Millisecond
)

var (
	bucketMeta     = []byte("meta")
	bucketVerdicts = []byte("verdicts")
	bucketGood     = []byte("lastgood")
	bucketPins     = []byte("pins")
	bucketEvents   = []byte("events")
	buckets        = [][]byte{bucketMeta, bucketVerdicts, bucketGood, bucketPins, bucketEvents}
)

// A Journal is one state directory's memory. What it knows is kept in memory too,
// so that a disk that fills up or fails costs only what a restart would need.
type Journal struct {
	log *slog.Logger
	dir string
	db  *bolt.DB

	mu         sync.Mutex
	verdicts   map[plan.VerdictKey]plan.Verdict
	lastGood   map[string]spec.Release
	pins       pins
	site       *spec.Site
	good       string
	background sync.WaitGroup
	// mute: that the disk fails has been said.
	mute bool
}

type pins struct {
	Revision string            `json:"revision"`
	Images   map[string]string `json:"images"`
}

// Open opens or makes the journal of a state directory. It fails only with
// [ErrLocked]; anything else that is wrong with the file is logged, and the file
// set aside.
func Open(dir string, log *slog.Logger) (*Journal, error) {
	j := &Journal{log: log, dir: dir, verdicts: map[plan.VerdictKey]plan.Verdict{}, lastGood: map[string]spec.Release{}}
	path := filepath.Join(dir, fileName)
	err := j.open(path)
	if errors.Is(err, bolt.ErrTimeout) { //nolint:staticcheck // bbolt's own name for it
		return nil, fmt.Errorf("%s: %w%s", dir, ErrLocked, holder(dir))
	}
	if err != nil {
		aside := path + ".damaged"
		log.Warn("the journal can't be read and is set aside; nothing that runs is affected", "file", aside, "err", err)
		if err := os.Rename(path, aside); err != nil {
			log.Warn("set the journal aside", "err", err)
		}
		if err := j.open(path); err != nil {
			log.Warn("havn goes on without a journal", "err", err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, pidName), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		log.Debug("write the pid", "err", err)
	}
	return j, nil
}

// holder names the process that was last seen to work with the directory.
func holder(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, pidName))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (pid %s); ask it with `havn status`, or give another --state", strings.TrimSpace(string(text)))
}

// open opens the file and reads it. bbolt maps the file into memory and may panic
// on one that is damaged.
func (j *Journal) open(path string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("damaged: %v", r)
		}
		if err != nil && j.db != nil {
			_ = j.db.Close()
			j.db = nil
		}
	}()
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockWait})
	if err != nil {
		return err
	}
	j.db = db
	if err := db.Update(initialise); err != nil {
		return err
	}
	return db.View(j.read)
}

func initialise(tx *bolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	meta := tx.Bucket(bucketMeta)
	switch have := string(meta.Get([]byte("version"))); have {
	case "":
		return meta.Put([]byte("version"), []byte(version))
	case version:
		return nil
	default:
		return fmt.Errorf("version %s is unknown to this havn", have)
	}
}

// read takes what the file holds into memory. A record that can't be read is
// skipped: the others are no worse for it.
func (j *Journal) read(tx *bolt.Tx) error {
	skip := func(what string, err error) {
		if err != nil {
			j.log.Warn("skip a record of the journal", "record", what, "err", err)
		}
	}
	err := tx.Bucket(bucketVerdicts).ForEach(func(k, v []byte) error {
		var verdict plan.Verdict
		service, f, _ := strings.Cut(string(k), " ")
		err := json.Unmarshal(v, &verdict)
		skip("verdict "+string(k), err)
		if err == nil {
			j.verdicts[plan.VerdictKey{Service: service, Fingerprint: spec.Fingerprint(f)}] = verdict
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = tx.Bucket(bucketGood).ForEach(func(k, v []byte) error {
		var r spec.Release
		err := json.Unmarshal(v, &r)
		skip("last good "+string(k), err)
		if err == nil {
			j.lastGood[string(k)] = r
		}
		return nil
	})
	if v := tx.Bucket(bucketPins).Get([]byte("latest")); v != nil {
		skip("pins", json.Unmarshal(v, &j.pins))
	}
	if v := tx.Bucket(bucketMeta).Get([]byte("site")); v != nil {
		var s spec.Site
		err := json.Unmarshal(v, &s)
		skip("site", err)
		if err == nil {
			j.site = &s
		}
	}
	if v := tx.Bucket(bucketMeta).Get([]byte("good")); v != nil {
		skip("last good revision", json.Unmarshal(v, &j.good))
	}
	return err
}

// put writes one record. That the disk fails is said once and is no error: the
// memory has it.
func (j *Journal) put(bucket []byte, key string, value any) {
	if j.db == nil {
		return
	}
	text, err := json.Marshal(value)
	if err == nil {
		err = j.db.Update(func(tx *bolt.Tx) error {
			if value == nil {
				return tx.Bucket(bucket).Delete([]byte(key))
			}
			return tx.Bucket(bucket).Put([]byte(key), text)
		})
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil && !j.mute {
		j.log.Warn("the journal can't be written; havn goes on with what it remembers", "err", err)
	}
	j.mute = err != nil
}

// Condemn records a verdict.
func (j *Journal) Condemn(a plan.Condemn) error {
	key := plan.VerdictKey{Service: a.Service, Fingerprint: a.Fingerprint}
	verdict := plan.Verdict{Reason: a.Reason, At: time.Now()}
	j.mu.Lock()
	j.verdicts[key] = verdict
	j.mu.Unlock()
	j.put(bucketVerdicts, a.Service+" "+string(a.Fingerprint), verdict)
	return nil
}

// Prove records a release as its service's last good one. Older verdicts on the
// service are history then.
func (j *Journal) Prove(a plan.Prove) error {
	j.mu.Lock()
	j.lastGood[a.Service] = a.Release
	j.mu.Unlock()
	j.put(bucketGood, a.Service, a.Release)
	return nil
}

// Clear lifts the verdicts on a service, on all if it is empty, and reports how
// many there were.
func (j *Journal) Clear(service string) int {
	j.mu.Lock()
	var keys []plan.VerdictKey
	for k := range j.verdicts {
		if service == "" || k.Service == service {
			keys = append(keys, k)
			delete(j.verdicts, k)
		}
	}
	j.mu.Unlock()
	for _, k := range keys {
		j.put(bucketVerdicts, k.Service+" "+string(k.Fingerprint), nil)
	}
	return len(keys)
}

// Verdicts returns the condemned releases.
func (j *Journal) Verdicts() map[plan.VerdictKey]plan.Verdict {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.verdicts)
}

// LastGood returns the last good release of each service.
func (j *Journal) LastGood() map[string]spec.Release {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.lastGood)
}

// Pin records what a reference stands for in a revision. Only the newest
// revision's pins are kept.
func (j *Journal) Pin(revision, ref, imageID string) {
	j.mu.Lock()
	if j.pins.Revision != revision || j.pins.Images == nil {
		j.pins = pins{Revision: revision, Images: map[string]string{}}
	}
	j.pins.Images[ref] = imageID
	now := pins{Revision: revision, Images: maps.Clone(j.pins.Images)}
	j.mu.Unlock()
	// In the background: a pin that is lost is only looked up again, and a pass
	// does not wait for the disk.
	j.background.Go(func() { j.put(bucketPins, "latest", now) })
}

// Pins returns what references stand for in a revision.
func (j *Journal) Pins(revision string) map[string]string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.pins.Revision != revision || j.pins.Images == nil {
		return map[string]string{}
	}
	return maps.Clone(j.pins.Images)
}

// SetSite records the site that is wanted, so that it can be healed while its
// source can't be read.
func (j *Journal) SetSite(s spec.Site) {
	j.mu.Lock()
	j.site = &s
	j.mu.Unlock()
	j.background.Go(func() { j.put(bucketMeta, "site", s) })
}

// Site returns the site that was wanted last, and whether one is known.
func (j *Journal) Site() (spec.Site, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.site == nil {
		return spec.Site{}, false
	}
	return *j.site, true
}

// SetGood records the revision that was last reached in full.
func (j *Journal) SetGood(revision string) {
	j.mu.Lock()
	j.good = revision
	j.mu.Unlock()
	j.background.Go(func() { j.put(bucketMeta, "good", revision) })
}

// Good returns the revision that was last reached in full, empty if none is known.
func (j *Journal) Good() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.good
}

// Close lets go of the file.
func (j *Journal) Close() error {
	j.background.Wait()
	if j.db == nil {
		return nil
	}
	return j.db.Close()
}
