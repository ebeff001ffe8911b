package model

import (
	"context"
	"hash/fnv"
	"maps"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// firstProbe is when the first probe of a replica answers, for each another time:
// what is known after a restart of havn is not known at once.
func firstProbe(name string) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return 10*time.Millisecond + time.Duration(h.Sum32()%4)*10*time.Millisecond
}

// A watch is one run of one replica that is probed.
type watch struct {
	id      string
	started time.Time
	since   time.Time
}

// Prober probes the host's replicas.
type Prober struct{ h *Host }

// Prober returns a prober of the host's replicas.
func (h *Host) Prober() Prober { return Prober{h} }

// Watch replaces the set of replicas that are probed.
func (p Prober) Watch(replicas []plan.Container) {
	h := p.h
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.settle()
	watched := map[string]watch{}
	for _, c := range replicas {
		if c.State != plan.Running {
			continue
		}
		w, ok := h.watched[c.Name]
		if !ok || w.id != c.ID || !w.started.Equal(c.StartedAt) {
			w = watch{c.ID, c.StartedAt, now}
		}
		watched[c.Name] = w
	}
	h.watched = watched
}

// Health is what the probes of a replica say.
func (p Prober) Health(name string) (plan.Health, bool) {
	h := p.h
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.settle()
	w, watched := h.watched[name]
	c := h.containers[name]
	if !watched || c == nil {
		return plan.Health{}, false
	}
	first := w.since.Add(firstProbe(name))
	if now.Before(first) {
		return plan.Health{}, true
	}
	out := c.health(now)
	if out.Since.Before(first) {
		out.Since = first
	}
	return out, true
}

// visible are the times at which what a probe says of c changes.
func (h *Host) visible(c *container) []time.Time {
	var out []time.Time
	if c.State != plan.Running {
		return nil
	}
	if !c.readyAt.IsZero() {
		out = append(out, c.readyAt, c.StartedAt.Add(c.patience()))
	}
	if c.disconnected {
		check := c.Release.Service.Health
		out = append(out, c.cutAt.Add(time.Duration(check.Failures)*check.Interval.Std()))
	}
	if w, ok := h.watched[c.Name]; ok {
		out = append(out, w.since.Add(firstProbe(c.Name)))
	}
	return out
}

// Journal remembers what can't be seen on the host.
type Journal struct {
	h        *Host
	verdicts map[plan.VerdictKey]plan.Verdict
	lastGood map[string]spec.Release
	former   map[string][]string
	fetched  map[string]plan.FetchedImage
	revision string
	pins     map[string]string
	// Losses counts how often it was emptied.
	Losses int
	// Records are the steps whose outcome was recorded, in order.
	Records []Record
}

// A Record is the outcome of one step.
type Record struct {
	At   time.Time
	Step plan.Step
	Err  error
}

// Journal returns an empty journal.
func (h *Host) Journal() *Journal {
	j := &Journal{h: h}
	j.Lose()
	return j
}

// Lose empties the journal, but for its records.
func (j *Journal) Lose() {
	j.Losses++
	j.verdicts, j.lastGood = map[plan.VerdictKey]plan.Verdict{}, map[string]spec.Release{}
	j.former, j.fetched = map[string][]string{}, map[string]plan.FetchedImage{}
	j.revision, j.pins = "", map[string]string{}
}

// Condemn records a verdict.
func (j *Journal) Condemn(a plan.Condemn) error {
	return j.h.call(context.Background(), "journal", a.Key(), func(now time.Time) (time.Duration, error) {
		j.verdicts[plan.VerdictKey{Service: a.Service, Fingerprint: a.Fingerprint}] = plan.Verdict{Reason: a.Reason, At: now}
		return 0, nil
	}, nil)
}

// Prove records a release as its service's last good one.
func (j *Journal) Prove(a plan.Prove) error {
	return j.h.call(context.Background(), "journal", a.Key(), func(time.Time) (time.Duration, error) {
		j.former[a.Service] = plan.Former(j.former[a.Service], j.lastGood[a.Service].ImageID, a.Release.ImageID)
		j.lastGood[a.Service] = a.Release
		return 0, nil
	}, nil)
}

// Verdicts returns the condemned releases.
func (j *Journal) Verdicts() map[plan.VerdictKey]plan.Verdict {
	j.h.mu.Lock()
	defer j.h.mu.Unlock()
	return maps.Clone(j.verdicts)
}

// LastGood returns the last good release of each service.
func (j *Journal) LastGood() map[string]spec.Release {
	j.h.mu.Lock()
	defer j.h.mu.Unlock()
	return maps.Clone(j.lastGood)
}

// Recall are the images of the good releases of each service.
func (j *Journal) Recall() map[string][]string {
	j.h.mu.Lock()
	defer j.h.mu.Unlock()
	return maps.Clone(j.former)
}

// Fetched are the images that havn fetched.
func (j *Journal) Fetched() map[string]plan.FetchedImage {
	j.h.mu.Lock()
	defer j.h.mu.Unlock()
	return maps.Clone(j.fetched)
}

// KeepImage records that havn fetched an image.
func (j *Journal) KeepImage(id string, f plan.FetchedImage) {
	j.h.mu.Lock()
	defer j.h.mu.Unlock()
	j.fetched[id] = f
}

// DropImage forgets an image.
func (j *Journal) DropImage(id string) {
	j.h.mu.Lock()
	defer j.h.mu.Unlock()
	delete(j.fetched, id)
}

// Pin remembers which image a reference stands for in a revision.
func (j *Journal) Pin(revision, ref, imageID string) {
	j.h.mu.Lock()
	defer j.h.mu.Unlock()
	if j.revision != revision {
		j.revision, j.pins = revision, map[string]string{}
	}
	j.pins[ref] = imageID
}

// Pins are those of one revision.
func (j *Journal) Pins(revision string) map[string]string {
	j.h.mu.Lock()
	defer j.h.mu.Unlock()
	if j.revision != revision {
		return map[string]string{}
	}
	return maps.Clone(j.pins)
}

// Applied records the outcome of a step.
func (j *Journal) Applied(s plan.Step, _ time.Duration, err error) {
	j.h.mu.Lock()
	defer j.h.mu.Unlock()
	j.Records = append(j.Records, Record{j.h.clock.Now(), s, err})
}
