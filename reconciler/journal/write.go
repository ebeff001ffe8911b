package journal

import (
	"errors"
	"maps"
	"time"

	bolt "go.etcd.io/bbolt"
)

// maxQueue bounds what waits to be written on a disk that hangs.
const maxQueue = 10_000

// patience is how long a reader waits for what is queued, and failedPause how long
// the writer leaves a disk alone that failed.
const (
	patience    = time.Second
	failedPause = time.Second
)

// An entry is one thing to write: an event if there is no key, else a value, nil
// to delete the one there is.
type entry struct {
	bucket, key []byte
	value       any
	// done, if set, is closed when everything queued before has been written, or
	// can't be; nothing is written for it.
	done chan struct{}
}

// put hands an entry to the writer: many share one sync, and nobody waits for the
// disk.
func (j *Journal) put(e entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.enqueue(e)
}

// enqueue is put; the mutex is held.
func (j *Journal) enqueue(e entry) {
	if j.store == nil || j.closed || len(j.queue) >= maxQueue {
		if e.done != nil {
			close(e.done)
		}
		return
	}
	j.queue = append(j.queue, e)
	select {
	case j.work <- struct{}{}:
	default:
	}
}

// sync waits until what was put before has been written, but not for ever.
func (j *Journal) sync() {
	done := make(chan struct{})
	j.put(entry{done: done})
	select {
	case <-done:
	case <-time.After(patience):
	}
}

// write writes what is queued, until the journal is closed.
func (j *Journal) write() {
	defer j.flush()
	for {
		select {
		case <-j.closing:
			return
		case <-j.work:
		}
		if j.flush() || j.store.broken.Load() {
			continue
		}
		select {
		case <-j.closing:
			return
		case <-time.After(failedPause):
		}
	}
}

// flush writes all that is queued in one transaction. That the disk fails is said
// once and is no error: the memory has it, and the next flush writes all of it.
func (j *Journal) flush() (ok bool) {
	j.mu.Lock()
	batch, failed := j.queue, j.behind != nil
	j.queue = nil
	var known []entry
	if failed {
		known = j.entries()
	}
	j.mu.Unlock()
	if len(batch) == 0 {
		return true
	}
	err := j.store.guard(func() error {
		return j.store.db.Update(func(tx *bolt.Tx) error {
			if !failed {
				return applyAll(tx, batch)
			}
			// A verdict may have been lifted meanwhile, a letter dropped, or a site have made
			// room.
			if err := errors.Join(tx.DeleteBucket(bucketVerdicts), tx.DeleteBucket(bucketSites), tx.DeleteBucket(bucketLetters),
				tx.DeleteBucket(bucketFetched), initialise(tx)); err != nil {
				return err
			}
			return errors.Join(applyAll(tx, known), applyAll(tx, batch))
		})
	})
	if err != nil && !failed {
		j.log.Warn("the journal can't be written; havn goes on with what it remembers", "err", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.behind = err
	var again []entry
	for _, e := range batch {
		switch {
		case e.done != nil:
			close(e.done)
		case err != nil && e.key == nil && !j.store.broken.Load():
			again = append(again, e)
		}
	}
	j.queue = append(again, j.queue...)
	return err == nil
}

func applyAll(tx *bolt.Tx, entries []entry) error {
	for _, e := range entries {
		if err := e.apply(tx); err != nil {
			return err
		}
	}
	return nil
}

func (e entry) apply(tx *bolt.Tx) error {
	b := tx.Bucket(e.bucket)
	switch {
	case e.done != nil:
		return nil
	case e.key == nil:
		return appendEvent(b, e.value)
	case e.value == nil:
		return b.Delete(e.key)
	}
	text, err := seal(e.key, e.value)
	if err != nil {
		return err
	}
	return b.Put(e.key, text)
}

// entries are all that the memory holds, for a file that lacks something of it.
func (m memory) entries() []entry {
	var out []entry
	for k, v := range m.verdicts {
		out = append(out, entry{bucket: bucketVerdicts, key: verdictKey(k), value: v})
	}
	for service, r := range m.lastGood {
		out = append(out, entry{bucket: bucketGood, key: []byte(service), value: r})
	}
	for revision, images := range m.pins {
		out = append(out, entry{bucket: bucketPins, key: []byte(revision), value: pins{revision, maps.Clone(images)}})
	}
	for _, s := range m.sites {
		out = append(out, entry{bucket: bucketSites, key: eventKey(s.Seq), value: s})
	}
	for id, letter := range m.letters {
		out = append(out, entry{bucket: bucketLetters, key: []byte(id), value: letter})
	}
	for service, images := range m.former {
		out = append(out, entry{bucket: bucketFormer, key: []byte(service), value: images})
	}
	for id, f := range m.fetched {
		out = append(out, entry{bucket: bucketFetched, key: []byte(id), value: f})
	}
	if m.site != nil {
		out = append(out, entry{bucket: bucketMeta, key: keySite, value: *m.site})
	}
	if m.good != "" {
		out = append(out, entry{bucket: bucketMeta, key: keyGood, value: m.good})
	}
	return out
}
