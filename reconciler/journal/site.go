package journal

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"havn.internal/spec"
)

// Bounds of the sites that are remembered: how many, their size when packed, and
// how large one may be that is unpacked.
const (
	maxSites      = 20
	maxSitesBytes = 8 << 20
	maxUnpacked   = 256 << 20
)

// Origin is where a site came from.
type Origin struct {
	Subject string `json:"subject,omitempty"`
	Author  string `json:"author,omitempty"`
	// From is the directory a person applied; empty if the source delivered it.
	From string `json:"from,omitempty"`
}

// A Known is a site that was delivered, valid, at some time.
type Known struct {
	Revision string
	At       time.Time
	// Good: it was reached in full.
	Good bool
	Origin
	Site   spec.Site
	Images map[string]string
}

// stored is a Known as it is kept.
type stored struct {
	Seq      uint64    `json:"seq"`
	Revision string    `json:"revision"`
	At       time.Time `json:"at"`
	Good     bool      `json:"good,omitempty"`
	Origin
	Packed []byte `json:"site"`
}

// Remember keeps a valid site to go back to and to compare with. One that comes
// again from the same place, with no other between, is not news; one that comes back
// later is the newest again.
func (j *Journal) Remember(site spec.Site, o Origin) {
	packed, err := pack(site)
	if err != nil || len(packed) > maxSitesBytes {
		j.log.Warn("a site is too large to be remembered", "revision", site.Revision, "bytes", len(packed), "err", err)
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if i := j.newestFrom(o.From); i >= 0 && j.sites[i].Revision == site.Revision {
		if !bytes.Equal(j.sites[i].Packed, packed) {
			// The host's name or labels are others, and so is its part.
			j.sites[i].Packed = packed
			j.enqueue(entry{bucket: bucketSites, key: eventKey(j.sites[i].Seq), value: j.sites[i]})
		}
		return
	}
	s := stored{Seq: 1, Revision: site.Revision, At: time.Now().UTC(), Origin: o, Packed: packed}
	if i := j.find(site.Revision); i >= 0 {
		s.Good = j.sites[i].Good
		j.enqueue(entry{bucket: bucketSites, key: eventKey(j.sites[i].Seq)})
		j.sites = slices.Delete(j.sites, i, i+1)
	}
	if n := len(j.sites); n > 0 {
		s.Seq = j.sites[n-1].Seq + 1
	}
	j.sites = append(j.sites, s)
	j.enqueue(entry{bucket: bucketSites, key: eventKey(s.Seq), value: s})
	j.makeRoom()
}

// newestFrom is the newest site of the source, or of a directory; -1 if none is
// known. The mutex is held.
func (j *Journal) newestFrom(from string) int {
	for i, s := range slices.Backward(j.sites) {
		if s.From == from {
			return i
		}
	}
	return -1
}

// find is the place of a revision; -1 if it is not known. The mutex is held.
func (j *Journal) find(revision string) int {
	return slices.IndexFunc(j.sites, func(s stored) bool { return s.Revision == revision })
}

// makeRoom drops the oldest sites; the mutex is held.
func (j *Journal) makeRoom() {
	size := 0
	for _, s := range j.sites {
		size += len(s.Packed)
	}
	for len(j.sites) > maxSites || size > maxSitesBytes {
		oldest := j.sites[0]
		size -= len(oldest.Packed)
		j.sites = slices.Delete(j.sites, 0, 1)
		j.enqueue(entry{bucket: bucketSites, key: eventKey(oldest.Seq)})
		if j.site == nil || j.site.Revision != oldest.Revision {
			j.forgetPins(oldest.Revision)
		}
	}
}

// reached marks a revision as good; the mutex is held.
func (j *Journal) reached(revision string) {
	i := j.find(revision)
	if i < 0 || j.sites[i].Good {
		return
	}
	j.sites[i].Good = true
	j.enqueue(entry{bucket: bucketSites, key: eventKey(j.sites[i].Seq), value: j.sites[i]})
}

// Sites returns the sites that are remembered, oldest first.
func (j *Journal) Sites() []Known {
	j.mu.Lock()
	kept := slices.Clone(j.sites)
	images := map[string]map[string]string{}
	for _, s := range kept {
		images[s.Revision] = maps.Clone(j.pins[s.Revision])
	}
	j.mu.Unlock()
	var out []Known
	for _, s := range kept {
		site, err := unpack(s.Packed)
		if err != nil {
			j.log.Warn("skip a site of the journal", "revision", s.Revision, "err", err)
			continue
		}
		out = append(out, Known{s.Revision, s.At, s.Good, s.Origin, site, images[s.Revision]})
	}
	return out
}

func pack(site spec.Site) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	err := errors.Join(json.NewEncoder(z).Encode(site), z.Close())
	return b.Bytes(), err
}

func unpack(packed []byte) (spec.Site, error) {
	var site spec.Site
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return site, err
	}
	return site, json.NewDecoder(io.LimitReader(z, maxUnpacked)).Decode(&site)
}
