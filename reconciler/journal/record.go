package journal

import (
	"maps"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func verdictKey(k plan.VerdictKey) []byte { return []byte(k.Service + " " + string(k.Fingerprint)) }

// Condemn records a verdict.
func (j *Journal) Condemn(a plan.Condemn) error {
	key := plan.VerdictKey{Service: a.Service, Fingerprint: a.Fingerprint}
	verdict := plan.Verdict{Reason: a.Reason, At: time.Now()}
	j.mu.Lock()
	j.verdicts[key] = verdict
	j.mu.Unlock()
	j.put(entry{bucket: bucketVerdicts, key: verdictKey(key), value: verdict})
	return nil
}

// Prove records a release as its service's last good one.
func (j *Journal) Prove(a plan.Prove) error {
	j.mu.Lock()
	j.succeed(a)
	j.lastGood[a.Service] = a.Release
	j.mu.Unlock()
	j.put(entry{bucket: bucketGood, key: []byte(a.Service), value: a.Release})
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
		j.put(entry{bucket: bucketVerdicts, key: verdictKey(k)})
		j.note(Event{Service: k.Service, Act: "lift the verdict on release " + k.Fingerprint.Short(), Why: "a person asked for it"})
	}
	return len(keys)
}

// Lift lifts the verdict on a release, and reports whether there was one.
func (j *Journal) Lift(k plan.VerdictKey, why string) bool {
	j.mu.Lock()
	_, condemned := j.verdicts[k]
	delete(j.verdicts, k)
	j.mu.Unlock()
	if condemned {
		j.put(entry{bucket: bucketVerdicts, key: verdictKey(k)})
		j.note(Event{Service: k.Service, Act: "lift the verdict on release " + k.Fingerprint.Short(), Why: why})
	}
	return condemned
}

// Record appends what a person did to the log.
func (j *Journal) Record(service, act, why string) {
	j.note(Event{Service: service, Act: act, Why: why})
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

// Pin records what a reference stands for in a revision. The pins of a revision are
// kept while it is the newest or the wanted one, or its site is remembered.
func (j *Journal) Pin(revision, ref, imageID string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.pins[revision] == nil {
		j.pins[revision] = map[string]string{}
		for other := range j.pins {
			wanted := j.site != nil && j.site.Revision == other
			if other != revision && !wanted && j.find(other) < 0 {
				j.forgetPins(other)
			}
		}
	}
	j.pins[revision][ref] = imageID
	j.enqueue(entry{bucket: bucketPins, key: []byte(revision), value: pins{revision, maps.Clone(j.pins[revision])}})
}

// forgetPins drops the pins of a revision; the mutex is held.
func (j *Journal) forgetPins(revision string) {
	delete(j.pins, revision)
	j.enqueue(entry{bucket: bucketPins, key: []byte(revision)})
	if revision == j.legacy {
		j.enqueue(entry{bucket: bucketPins, key: keyLatest})
	}
}

// Pins returns what references stand for in a revision.
func (j *Journal) Pins(revision string) map[string]string {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := map[string]string{}
	maps.Copy(out, j.pins[revision])
	return out
}

// SetSite records the site that is wanted, so that it can be healed while its
// source can't be read.
func (j *Journal) SetSite(s spec.Site) {
	j.mu.Lock()
	news := j.site == nil || j.site.Revision != s.Revision
	j.site = &s
	j.mu.Unlock()
	j.put(entry{bucket: bucketMeta, key: keySite, value: s})
	if news {
		j.note(Event{Act: "want revision " + s.Revision, Why: s.Size()})
	}
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
	news := j.good != revision
	j.good = revision
	j.reached(revision)
	j.mu.Unlock()
	j.put(entry{bucket: bucketMeta, key: keyGood, value: revision})
	if news {
		j.note(Event{Act: "reach revision " + revision, Why: "every service and route is as it says"})
	}
}

// Good returns the revision that was last reached in full, empty if none is known.
func (j *Journal) Good() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.good
}
