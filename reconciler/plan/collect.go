package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"havn.internal/spec"
)

// Retention bounds the images that havn fetched for the site and nothing needs any more.
type Retention struct {
	// Keep is how long one stays after it was last needed; 0 for ever.
	Keep time.Duration
	// Size bounds what they take together, in bytes as of `docker images`, which counts a
	// layer for each image that has it; 0 for no bound.
	Size int64
}

// A StoredImage is an image on the host, whoever brought it there.
type StoredImage struct {
	// Names are its tags and digests in full: "docker.io/library/redis:8".
	Names []string
	Size  int64
	// Used: a container, whosever and in whatever state, is made of it, or another image.
	Used bool
	// Fetched is the reference by which this havn fetched it, in full; empty if it was on
	// the host before, or came by other hands.
	Fetched string
}

// A FetchedImage is what is remembered of an image that havn fetched for the site.
type FetchedImage struct {
	// Refs are the references by which it was fetched, in full.
	Refs []string `json:"refs"`
	// Unneeded is since when nothing needs it; zero while something does.
	Unneeded time.Time `json:"unneeded,omitzero"`
}

// RemoveImage removes an image that havn fetched, by the names it was fetched by. One
// that has another name by then, or that a container uses, stays.
type RemoveImage struct {
	ID string
	// Refs are the references by which it was fetched, in full.
	Refs []string
}

// Key is not that of a [Pull], which is of a reference.
func (a RemoveImage) Key() string { return "image " + a.ID }
func (a RemoveImage) String() string {
	return fmt.Sprintf("remove image %s (%s)", familiar(a.Refs), shortID(a.ID))
}
func (RemoveImage) action() {}

// familiar is the first of the references as people write it.
func familiar(refs []string) string {
	if len(refs) == 0 {
		return ""
	}
	return strings.TrimPrefix(strings.TrimPrefix(refs[0], "docker.io/"), "library/")
}

// Needed are the images that have to stay, by content address: of what is wanted or
// there, and of what a rollback may want.
func Needed(want spec.Site, have Observed) map[string]bool {
	out := map[string]bool{}
	for _, i := range have.Images {
		out[i.ID] = true
	}
	for _, c := range have.Containers {
		out[c.Release.ImageID] = true
	}
	for id, s := range have.Stored {
		if s.Used {
			out[id] = true
		}
	}
	recalled := slices.Clone(have.Recall[""])
	for name := range want.Services {
		recalled = append(append(recalled, have.LastGood[name].ImageID), have.Recall[name]...)
	}
	for _, id := range recalled {
		out[id] = true
	}
	return out
}

// mostFormer is how many images of good releases before the last good one stay.
const mostFormer = 2

// Former are the images of a service's good releases before the last good one, the newest
// first, after a release of image next has been proven in place of one of image last.
func Former(former []string, last, next string) []string {
	if last == "" || last == next {
		return former
	}
	out := []string{last}
	for _, id := range former {
		if id != last && id != next && len(out) < mostFormer {
			out = append(out, id)
		}
	}
	return out
}

// collect removes, last of all, an image that nothing needs: the one that has not been
// needed for the longest time, one at a time, and none while anything else is to be done.
func (m *maker) collect() {
	if len(m.have.Fetched) == 0 || !m.calm() {
		return
	}
	ids, size := m.unneeded()
	for _, id := range ids {
		f, limit := m.have.Fetched[id], m.have.Retention
		why := ""
		switch {
		case limit.Keep > 0 && !m.now.Before(f.Unneeded.Add(limit.Keep)):
			why = fmt.Sprintf("nothing has needed it for %s", spec.Duration(limit.Keep))
		case limit.Size > 0 && size > limit.Size:
			why = fmt.Sprintf("images that nothing needs take more than %s", bytesText(limit.Size))
		default:
			return
		}
		a := RemoveImage{ID: id, Refs: f.Refs}
		// That it stays for now is nothing to wait for: it keeps nothing from being as wanted.
		if failed, ok := m.have.Failures[a.Key()]; !ok || !m.now.Before(failed.Retry) {
			m.do("", a, why)
			return
		}
	}
}

// unneeded are the images that may go, the longest unneeded first, and their size.
func (m *maker) unneeded() (ids []string, size int64) {
	needed := Needed(m.want, m.have)
	for id, f := range m.have.Fetched {
		s, there := m.have.Stored[id]
		if there && !needed[id] && !f.Unneeded.IsZero() && !slices.ContainsFunc(s.Names, func(name string) bool { return !f.named(name) }) {
			ids, size = append(ids, id), size+s.Size
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(m.have.Fetched[a].Unneeded.Compare(m.have.Fetched[b].Unneeded), cmp.Compare(a, b))
	})
	return ids, size
}

// named: the name of an image is one that havn gave it by fetching it. Another tag, or a
// digest in another repository, is somebody's.
func (f FetchedImage) named(name string) bool {
	repository, _, isDigest := strings.Cut(name, "@")
	return slices.ContainsFunc(f.Refs, func(ref string) bool {
		if !isDigest {
			return name == ref
		}
		ref, _, _ = strings.Cut(ref, "@")
		if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
			ref = ref[:i]
		}
		return ref == repository
	})
}

// calm: nothing is to be done or on its way, of the site or its gateway.
func (m *maker) calm() bool {
	if len(m.plan.Steps)+len(m.have.InFlight) > 0 || !m.have.Gateway.Running && m.have.Gateway.Generation > 0 {
		return false
	}
	return !slices.ContainsFunc(slices.Concat(m.views, m.leaving), func(v *view) bool {
		return v.phase != Converged && v.phase != RolledBack && v.phase != Stuck
	})
}
