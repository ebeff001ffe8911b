package journal

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// maxEvents bounds the log; the oldest events make room.
const maxEvents = 10_000

// An Event is one act, with its cause.
type Event struct {
	At time.Time `json:"at"`
	// Revision is the one that was wanted, or was taken.
	Revision string        `json:"revision,omitempty"`
	Service  string        `json:"service,omitempty"`
	Act      string        `json:"act"`
	Why      string        `json:"why,omitempty"`
	Took     time.Duration `json:"took,omitempty"`
	// Parts are those of Took, in their order.
	Parts []Part `json:"parts,omitempty"`
	Err   string `json:"err,omitempty"`
}

// A Part of an act is what it took a part of its time for.
type Part struct {
	Name string        `json:"name"`
	Took time.Duration `json:"took"`
}

// take is the act of a revision that was taken.
const take = "take revision"

// Taken appends to the log that a revision of a source was taken.
func (j *Journal) Taken(revision, why string, parts ...Part) {
	e := Event{Revision: revision, Act: take, Why: why, Parts: parts}
	for _, p := range parts {
		e.Took += p.Took
	}
	j.note(e)
}

// Proven are the releases of a service of a site that were proven, by their short fingerprints,
// as far as the log goes back.
func (j *Journal) Proven(service, site string) map[string]bool {
	out := map[string]bool{}
	events, err := j.Events(service, maxEvents)
	if err != nil {
		j.log.Warn("what was proven can't be read", "err", err)
	}
	prove := strings.TrimSuffix(plan.Prove{}.String(), spec.Fingerprint("").Short())
	for _, e := range events {
		if f, is := strings.CutPrefix(e.Act, prove); is && e.Err == "" {
			out[f] = true
		}
	}
	if good, known := j.LastGood()[service]; known {
		out[good.Fingerprint(site).Short()] = true
	}
	return out
}

// Refuse begins the act of a revision that was not taken.
const Refuse = "refuse revision"

// Refused appends to the log that a revision of a source was not taken, and why. What is
// asked again and again is written down once, also over a restart.
func (j *Journal) Refused(revision, why string) {
	const lately = 200
	events, err := j.Events("", lately)
	if err != nil {
		events = nil // once more is better than not at all
	}
	for _, e := range slices.Backward(events) {
		// A source that has nothing to follow has no revision to name.
		if (revision == "" || e.Revision == revision) && (e.Act == Refuse || e.Act == take) {
			if e.Act == Refuse && e.Err == why {
				return
			}
			break
		}
	}
	j.note(Event{Revision: revision, Act: Refuse, Err: why})
}

// Applied appends the outcome of a step to the log.
func (j *Journal) Applied(s plan.Step, took time.Duration, failure error) {
	e := Event{Service: s.Service, Act: s.Action.String(), Why: s.Why, Took: took}
	if failure != nil {
		e.Err = failure.Error()
	}
	j.note(e)
}

// Outcome appends to the log how something ended that was done to the whole host.
func (j *Journal) Outcome(act, why string, took time.Duration, failure error) {
	e := Event{Act: act, Why: why, Took: took}
	if failure != nil {
		e.Err = failure.Error()
	}
	j.note(e)
}

// note appends an event to the log.
func (j *Journal) note(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.At = time.Now()
	if j.site != nil && e.Revision == "" {
		e.Revision = j.site.Revision
	}
	j.enqueue(entry{bucket: bucketEvents, value: e})
}

func appendEvent(b *bolt.Bucket, event any) error {
	n, err := b.NextSequence()
	if err != nil {
		return err
	}
	if n > maxEvents {
		if err := b.Delete(eventKey(n - maxEvents)); err != nil {
			return err
		}
	}
	text, err := seal(eventKey(n), event)
	if err != nil {
		return err
	}
	return b.Put(eventKey(n), text)
}

func eventKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Events returns the newest events of a service, of all if it is empty: the oldest
// of them first, at most limit.
func (j *Journal) Events(service string, limit int) ([]Event, error) {
	var out []Event
	take := func(k, v []byte) {
		var e Event
		if len(out) < limit && unseal(k, v, &e) == nil && (service == "" || e.Service == service) {
			out = append(out, e)
		}
	}
	if j.store == nil {
		for _, e := range slices.Backward(j.past) {
			take(e.key, e.text)
		}
		slices.Reverse(out)
		return out, nil
	}
	j.sync()
	err := j.store.guard(func() error {
		return j.store.db.View(func(tx *bolt.Tx) error {
			c := tx.Bucket(bucketEvents).Cursor()
			for k, v := c.Last(); k != nil && len(out) < limit; k, v = c.Prev() {
				take(k, v)
			}
			return nil
		})
	})
	slices.Reverse(out)
	return out, err
}
