package reconciler

import (
	"slices"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// ImageJournal remembers which images havn fetched for the site, and which ones a
// rollback may want. What it has lost is never removed.
type ImageJournal interface {
	// Fetched are the images that havn fetched, by content address.
	Fetched() map[string]plan.FetchedImage
	// KeepImage records one of them, and DropImage forgets it.
	KeepImage(id string, f plan.FetchedImage)
	DropImage(id string)
	// Recall are the images of the good releases of each service, the newest first, and
	// under "" of the good revisions.
	Recall() map[string][]string
}

func (forgetful) KeepImage(string, plan.FetchedImage) {}
func (forgetful) DropImage(string)                    {}

// fetchedImages puts into have what is remembered of images, and notes what has come and
// gone, and since when nothing needs one. What is not known is not gone.
func fetchedImages(want spec.Site, have *plan.Observed, j Journal, now time.Time) {
	have.Fetched, have.Recall = j.Fetched(), j.Recall()
	if have.Stored == nil {
		return
	}
	for id, s := range have.Stored {
		f, known := have.Fetched[id]
		if s.Fetched == "" || known && slices.Contains(f.Refs, s.Fetched) {
			continue
		}
		f.Refs = append(slices.Clone(f.Refs), s.Fetched)
		have.Fetched[id] = f
		j.KeepImage(id, f)
	}
	needed := plan.Needed(want, *have)
	for id, f := range have.Fetched {
		_, there := have.Stored[id]
		switch {
		case !there:
			delete(have.Fetched, id)
			j.DropImage(id)
			continue
		case needed[id] == f.Unneeded.IsZero():
			continue
		case needed[id]:
			f.Unneeded = time.Time{}
		default:
			f.Unneeded = now
		}
		have.Fetched[id] = f
		j.KeepImage(id, f)
	}
}
