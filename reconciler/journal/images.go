package journal

import (
	"maps"
	"slices"

	"havn.internal/reconciler/plan"
)

// mostGood is of how many good revisions the images are recalled: the one that serves,
// and those that a rollback goes to without being told which.
const mostGood = 3

// Recall are the images that a rollback may want: of the good releases of each service
// before its last good one, and under "" those of the newest good revisions, of all and
// of those that came before the wanted one.
func (j *Journal) Recall() map[string][]string {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := maps.Clone(j.former)
	good := 0
	for _, s := range slices.Backward(j.sites) {
		if s.Good && good < mostGood {
			good++
			out[""] = slices.AppendSeq(out[""], maps.Values(j.pins[s.Revision]))
		}
		if j.site != nil && s.Revision == j.site.Revision {
			good = min(good, 1)
		}
	}
	return out
}

// Fetched are the images that havn fetched for the site, by content address.
func (j *Journal) Fetched() map[string]plan.FetchedImage {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.fetched)
}

// KeepImage records that havn fetched an image.
func (j *Journal) KeepImage(id string, f plan.FetchedImage) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fetched[id] = f
	j.enqueue(entry{bucket: bucketFetched, key: []byte(id), value: f})
}

// DropImage forgets an image that is gone from the host.
func (j *Journal) DropImage(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.fetched, id)
	j.enqueue(entry{bucket: bucketFetched, key: []byte(id)})
}

// succeed notes that a release of a service was proven in place of the one before; the
// mutex is held.
func (j *Journal) succeed(a plan.Prove) {
	before := j.former[a.Service]
	now := plan.Former(before, j.lastGood[a.Service].ImageID, a.Release.ImageID)
	if !slices.Equal(before, now) {
		j.former[a.Service] = now
		j.enqueue(entry{bucket: bucketFormer, key: []byte(a.Service), value: now})
	}
}
