package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

const (
	// version of the format; a journal of another one is set aside.
	version = "2"
	// lockWait is how long a havn that is ending gets to let go.
	lockWait = 300 * time.Millisecond
)

var (
	bucketMeta     = []byte("meta")
	bucketVerdicts = []byte("verdicts")
	bucketGood     = []byte("lastgood")
	bucketPins     = []byte("pins")
	bucketEvents   = []byte("events")
	bucketSites    = []byte("sites")
	bucketLetters  = []byte("letters")
	bucketFormer   = []byte("former")
	bucketFetched  = []byte("fetched")
	buckets        = [][]byte{
		bucketMeta, bucketVerdicts, bucketGood, bucketPins, bucketEvents, bucketSites, bucketLetters, bucketFormer, bucketFetched,
	}
)

var (
	keyVersion = []byte("version")
	keySite    = []byte("site")
	keyGood    = []byte("good")
	// keyLatest has the pins of one revision in journals of before; now each
	// revision's are under its name.
	keyLatest = []byte("latest")
)

var errBroken = errors.New("the file is damaged")

// A store is the journal's file. bbolt maps it into memory, and panics or faults
// on one that is damaged or was cut short; after that its locks can't be trusted,
// and it is not touched again.
type store struct {
	db     *bolt.DB
	file   *os.File
	broken atomic.Bool
}

func openStore(path string, log *slog.Logger) (*store, memory, error) {
	s, known := &store{}, newMemory()
	err := s.guard(func() (err error) {
		s.db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: lockWait, OpenFile: s.openFile})
		if err != nil {
			return err
		}
		if err := s.db.View(sound); err != nil {
			return err
		}
		if err := s.db.Update(initialise); err != nil {
			return err
		}
		return s.db.View(func(tx *bolt.Tx) error { return known.read(tx, log) })
	})
	if err != nil {
		_ = s.close()
		return nil, newMemory(), err
	}
	return s, known, nil
}

// sound refuses a file in which a page claims to go on beyond the end. bbolt would
// note each page of it as free, one by one, until the memory is full.
func sound(tx *bolt.Tx) error {
	pages := int(tx.Size()) / tx.DB().Info().PageSize
	for id := 0; ; {
		p, err := tx.Page(id)
		switch {
		case err != nil || p == nil:
			return err
		case p.Type == "free":
			id++
			continue
		case p.OverflowCount >= pages-id:
			return fmt.Errorf("%w: page %d claims %d more", errBroken, id, p.OverflowCount)
		}
		id += 1 + p.OverflowCount
	}
}

func (s *store) openFile(path string, flags int, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, flags, mode)
	s.file = f
	return f, err
}

func newMemory() memory {
	return memory{verdicts: map[plan.VerdictKey]plan.Verdict{}, lastGood: map[string]spec.Release{}, pins: map[string]map[string]string{}, letters: map[string]json.RawMessage{},
		former: map[string][]string{}, fetched: map[string]plan.FetchedImage{}}
}

// guard does something with the file and survives what a damaged one does.
func (s *store) guard(do func() error) (err error) {
	if s.broken.Load() {
		return errBroken
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			s.broken.Store(true)
			err = fmt.Errorf("%w: %v", errBroken, r)
		}
	}()
	return do()
}

func (s *store) close() error {
	switch {
	case s.broken.Load() && s.file != nil:
		// What is mapped stays mapped; the lock has to go.
		return errors.Join(unix.Flock(int(s.file.Fd()), unix.LOCK_UN), s.file.Close())
	case s.db == nil:
		return nil
	}
	return s.guard(s.db.Close)
}

func initialise(tx *bolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	meta := tx.Bucket(bucketMeta)
	switch have := string(meta.Get(keyVersion)); have {
	case "", version:
		// Written each time: a file that can't be written to is found out now.
		return meta.Put(keyVersion, []byte(version))
	default:
		return fmt.Errorf("version %q is unknown to this havn", have)
	}
}

// seal puts a checksum before a value: a bit that fell over in a release would
// start something that nobody asked for.
func seal(key []byte, value any) ([]byte, error) {
	text, err := json.Marshal(value)
	return append(fmt.Appendf(nil, "%08x ", checksum(key, text)), text...), err
}

func unseal(key, sealed []byte, value any) error {
	sum, text, _ := strings.Cut(string(sealed), " ")
	if sum != fmt.Sprintf("%08x", checksum(key, []byte(text))) {
		return errors.New("its checksum is wrong")
	}
	return json.Unmarshal([]byte(text), value)
}

func checksum(key, text []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(key), crc32.IEEETable, text)
}

// readAll takes the records of a bucket into memory, by their keys. A journal of before
// that is only looked at may lack the bucket.
func readAll[V any](tx *bolt.Tx, bucket []byte, take func(k, v []byte, value any) bool, into map[string]V) error {
	b := tx.Bucket(bucket)
	if b == nil {
		return nil
	}
	return b.ForEach(func(k, v []byte) error {
		var value V
		if take(k, v, &value) {
			into[string(k)] = value
		}
		return nil
	})
}

// read takes what the file holds into memory. A record that can't be read is
// skipped: the others are no worse for it.
func (m *memory) read(tx *bolt.Tx, log *slog.Logger) error {
	take := func(k, v []byte, value any) bool {
		err := unseal(k, v, value)
		if err != nil {
			log.Warn("skip a record of the journal", "record", string(k), "err", err)
		}
		return err == nil
	}
	err := errors.Join(
		tx.Bucket(bucketVerdicts).ForEach(func(k, v []byte) error {
			var verdict plan.Verdict
			if take(k, v, &verdict) {
				service, f, _ := strings.Cut(string(k), " ")
				m.verdicts[plan.VerdictKey{Service: service, Fingerprint: spec.Fingerprint(f)}] = verdict
			}
			return nil
		}),
		readAll(tx, bucketGood, take, m.lastGood),
		tx.Bucket(bucketPins).ForEach(func(k, v []byte) error {
			var p pins
			switch {
			case !take(k, v, &p) || p.Images == nil:
			case string(k) != string(keyLatest):
				m.pins[p.Revision] = p.Images
			case m.pins[p.Revision] == nil:
				m.pins[p.Revision], m.legacy = p.Images, p.Revision
			}
			return nil
		}),
		tx.Bucket(bucketSites).ForEach(func(k, v []byte) error {
			var s stored
			if take(k, v, &s) {
				m.sites = append(m.sites, s)
			}
			return nil
		}),
		readAll(tx, bucketLetters, take, m.letters),
		readAll(tx, bucketFormer, take, m.former),
		readAll(tx, bucketFetched, take, m.fetched),
		// Nothing of it is needed, but a file whose pages lead nowhere is found out now.
		tx.Bucket(bucketEvents).ForEach(func(k, v []byte) error { return nil }),
	)
	var site spec.Site
	if v := tx.Bucket(bucketMeta).Get(keySite); v != nil && take(keySite, v, &site) {
		m.site = &site
	}
	var good string
	if v := tx.Bucket(bucketMeta).Get(keyGood); v != nil && take(keyGood, v, &good) {
		m.good = good
	}
	return err
}
