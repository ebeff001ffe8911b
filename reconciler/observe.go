package reconciler

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Engine is Docker. Observe fills in the network, the containers, the names that
// are taken, the volumes and the images; an error means that nothing is known.
type Engine interface {
	apply.Runtime
	Observe(ctx context.Context, want spec.Site) (plan.Observed, error)
	// Tidy drops the config files that none of the releases has.
	Tidy(keep []spec.Release)
}

// Gateway is nginx.
type Gateway interface {
	apply.Gateway
	Observe(ctx context.Context) (plan.Gateway, error)
}

// Prober probes the replicas that Docker does not.
type Prober interface {
	// Watch replaces the set of replicas that are probed.
	Watch([]plan.Container)
	// Health is what the probes of a replica say; false if it is not probed.
	Health(name string) (plan.Health, bool)
}

// Journal remembers what can't be seen on the host. All of it is advisory.
type Journal interface {
	apply.Journal
	ImageJournal
	Verdicts() map[plan.VerdictKey]plan.Verdict
	LastGood() map[string]spec.Release
	// Pin remembers which image a reference stands for in a revision; Pins are
	// those of one revision.
	Pin(revision, ref, imageID string)
	Pins(revision string) map[string]string
	// Applied records the outcome of a step.
	Applied(s plan.Step, took time.Duration, err error)
}

// forgetful is a journal that is read and not written.
type forgetful struct {
	Journal
	// images are what references stand for in place of what the journal knows.
	images map[string]string
}

func (forgetful) Pin(_, _, _ string) {}

func (f forgetful) Pins(revision string) map[string]string {
	out := f.Journal.Pins(revision)
	maps.Copy(out, f.images)
	return out
}

// Observe puts together all that is known of the host.
func (r *Reconciler) Observe(ctx context.Context, want spec.Site) (plan.Observed, error) {
	return r.observe(ctx, want, &r.images, r.Journal)
}

func (r *Reconciler) observe(ctx context.Context, want spec.Site, images *imageMemory, j Journal) (plan.Observed, error) {
	// What is in flight is read first: an act that ends meanwhile is then seen
	// both as in flight and as done, which holds its successors back one pass.
	// The other way round it would be seen as neither.
	inFlight, failures := r.acts.InFlight(), r.acts.Failures()
	gateway, err := r.Gateway.Observe(ctx)
	if err != nil {
		return plan.Observed{}, fmt.Errorf("observe nginx: %w", apply.Plain(err))
	}
	have, err := r.Engine.Observe(ctx, want)
	if err != nil {
		return plan.Observed{}, fmt.Errorf("observe docker: %w", apply.Plain(err))
	}
	have.Site, have.Gateway, have.Own = r.Site, gateway, r.Own
	if r.Own == nil {
		have.Own = plan.OwnLocations(gateway.Table)
	}
	have.InFlight, have.Failures = inFlight, failures
	have.Verdicts, have.LastGood = r.Journal.Verdicts(), r.Journal.LastGood()
	r.probe(want, &have)
	r.mu.Lock()
	defer r.mu.Unlock()
	have.PruneAllowed = r.Prune || r.pruneFor != nil && *r.pruneFor == want.Revision
	images.pin(want, &have, j)
	have.Retention = r.Retention
	fetchedImages(want, &have, j, r.Now())
	have.Quarantine = r.absent.update(have.Containers, r.Now())
	have.Trying = maps.Clone(r.trying.since)
	r.repairs.update(have.Containers, r.Now())
	have.Repairs = maps.Clone(r.repairs.of)
	return have, nil
}

// tidy has the engine drop what no release has any more: those that are wanted,
// those that are there, and those to go back to.
func (r *Reconciler) tidy(want spec.Site, have plan.Observed) {
	keep := slices.Collect(maps.Values(have.LastGood))
	for _, s := range want.Services {
		keep = append(keep, spec.Release{Service: s})
	}
	for _, c := range have.Containers {
		keep = append(keep, c.Release)
	}
	r.Engine.Tidy(keep)
}

// probe asks the prober for the health of what Docker does not check.
func (r *Reconciler) probe(want spec.Site, have *plan.Observed) {
	var watched []plan.Container
	for _, c := range have.Containers {
		if c.Checked {
			continue
		}
		// How often is asked, and how often it may fail, changes in place.
		wanted := spec.Release{Service: want.Services[c.Service], ImageID: c.Release.ImageID}
		if wanted.Fingerprint(r.Site) == c.Fingerprint {
			c.Release = wanted
		}
		watched = append(watched, c)
	}
	r.Prober.Watch(watched)
	for _, c := range watched {
		if h, ok := r.Prober.Health(c.Name); ok {
			seen := have.Containers[c.Name]
			seen.Health = h
			have.Containers[c.Name] = seen
		}
	}
}

// quarantineFor is how long the address of a removed replica is not given away:
// other replicas may hold connections to it, or have its name cached.
const quarantineFor = time.Minute

// quarantine maps addresses to when their holder was last seen.
type quarantine map[netip.Addr]time.Time

// update notes who is there now and returns the addresses whose holder left not
// long ago.
func (q quarantine) update(containers map[string]plan.Container, now time.Time) map[netip.Addr]bool {
	for _, c := range containers {
		q[c.Addr] = now
	}
	out := map[netip.Addr]bool{}
	for addr, seen := range q {
		switch {
		case now.Sub(seen) > quarantineFor:
			delete(q, addr)
		case seen.Before(now):
			out[addr] = true
		}
	}
	return out
}

// imageMemory keeps what a reference stands for while the revision is the same,
// so that a tag that moves changes nothing by itself.
type imageMemory struct {
	revision string
	ids      map[string]string
	fetched  map[string]bool
}

func (m *imageMemory) pulled(ref string) {
	if m.fetched != nil {
		m.fetched[ref] = true
		delete(m.ids, ref)
	}
}

// pin puts the remembered images into have, and remembers new ones.
func (m *imageMemory) pin(want spec.Site, have *plan.Observed, j Journal) {
	if m.revision != want.Revision || m.ids == nil {
		m.revision, m.ids, m.fetched = want.Revision, j.Pins(want.Revision), map[string]bool{}
		for ref := range m.ids {
			m.fetched[ref] = true
		}
	}
	for _, name := range want.ServiceNames() {
		s := want.Services[name]
		image, ref := have.Images[s.Image], s.Image
		image.Pulled = m.fetched[ref]
		_, tried := have.Failures[plan.Pull{Image: ref}.Key()]
		switch pinned := m.ids[ref]; {
		case pinned != "" && image.ID != "":
			if image.ID != pinned {
				// The tag has moved on this host; what is known is another image's word.
				image.Word = nil
			}
			image.ID = pinned
		case image.ID != "" && (s.Pull != spec.PullAlways || image.Pulled || tried):
			m.ids[ref] = image.ID
			j.Pin(want.Revision, ref, image.ID)
		}
		have.Images[ref] = image
	}
}
