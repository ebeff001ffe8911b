package journal

import (
	"encoding/binary"
	"encoding/json"
	"time"

	bolt "go.etcd.io/bbolt"

	"havn.internal/reconciler/plan"
)

// maxEvents bounds the log; the oldest events make room.
const maxEvents = 10_000

// An Event is one act, with its cause.
type Event struct {
	At      time.Time     `json:"at"`
	Service string        `json:"service,omitempty"`
	Act     string        `json:"act"`
	Why     string        `json:"why"`
	Took    time.Duration `json:"took"`
	Err     string        `json:"err,omitempty"`
}

// Applied appends the outcome of a step to the log.
func (j *Journal) Applied(s plan.Step, took time.Duration, failure error) {
	e := Event{At: time.Now(), Service: s.Service, Act: s.Action.String(), Why: s.Why, Took: took}
	if failure != nil {
		e.Err = failure.Error()
	}
	if j.db == nil {
		return
	}
	text, err := json.Marshal(e)
	if err != nil {
		return
	}
	// Batched: an act is not held up by the disk, and many share one sync.
	err = j.db.Batch(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketEvents)
		n, err := b.NextSequence()
		if err != nil {
			return err
		}
		if n > maxEvents {
			if err := b.Delete(eventKey(n - maxEvents)); err != nil {
				return err
			}
		}
		return b.Put(eventKey(n), text)
	})
	if err != nil {
		j.log.Debug("record an event", "err", err)
	}
}

func eventKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Events returns the newest events, oldest of them first, at most limit.
func (j *Journal) Events(limit int) ([]Event, error) {
	if j.db == nil {
		return nil, nil
	}
	var out []Event
	err := j.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketEvents).Cursor()
		for k, v := c.Last(); k != nil && len(out) < limit; k, v = c.Prev() {
			var e Event
			if json.Unmarshal(v, &e) == nil {
				out = append(out, e)
			}
		}
		return nil
	})
	for i, k := 0, len(out)-1; i < k; i, k = i+1, k-1 {
		out[i], out[k] = out[k], out[i]
	}
	return out, err
}
