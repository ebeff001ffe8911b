package docker

import (
	"context"
	"maps"
	"net/netip"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// fullLook is how often everything is looked at though no event has announced a
// change: a stream that has gone silent looks like one with nothing to tell.
const fullLook = 5 * time.Minute

// surroundings are what changes seldom.
type surroundings struct {
	network plan.Network
	// holders are the containers that hold addresses in the network's fixed part.
	holders map[netip.Addr]string
	// volumes are all that have a name of the site's, whether it wants them or not.
	volumes map[string]plan.Volume
	images  map[string]plan.Image
	// stored are all images of the engine; nil if they are not known.
	stored map[string]plan.StoredImage
}

// dirt is what may have changed since it was last looked at.
type dirt struct {
	containers               map[string]bool
	network, volumes, images bool
}

// A glance is what is known when an observation begins.
type glance struct {
	dirt dirt
	// trust: the event stream is up, so what was seen holds unless it is dirty.
	trust bool
	// full: everything is looked at.
	full  bool
	epoch int
	seen  map[string]sighting
	known surroundings
}

// glance takes the dirt: an event that comes while the caller looks is for the
// next one.
func (e *Engine) glance() glance {
	e.mu.Lock()
	defer e.mu.Unlock()
	full := !e.subscribed || time.Since(e.looked) >= fullLook
	g := glance{dirt: e.dirt, trust: !full, full: full, epoch: e.epoch, seen: e.seen, known: e.known}
	e.dirt = dirt{containers: map[string]bool{}}
	return g
}

// remember keeps what was seen, unless a new event stream began meanwhile: what
// changed before that was announced by neither.
func (e *Engine) remember(g glance, seen map[string]sighting, around surroundings, unread bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unread = unread
	if g.epoch != e.epoch {
		return
	}
	e.seen, e.known = seen, around
	maps.DeleteFunc(e.ends, func(id string, _ ending) bool { _, there := seen[id]; return !there })
	if g.full {
		e.looked = time.Now()
	}
}

func (e *Engine) putDirt(d dirt) {
	e.mu.Lock()
	defer e.mu.Unlock()
	maps.Copy(e.dirt.containers, d.containers)
	e.dirt.network = e.dirt.network || d.network
	e.dirt.volumes = e.dirt.volumes || d.volumes
	e.dirt.images = e.dirt.images || d.images
}

// touch has the next Observe look at the container again, though its event may
// not have come yet.
func (e *Engine) touch(id string) { e.putDirt(dirt{containers: map[string]bool{id: true}}) }

// surroundings returns networks, volumes and images: those that may have changed
// or are not known are asked for.
func (e *Engine) surroundings(ctx context.Context, want spec.Site, g glance) (surroundings, error) {
	now := surroundings{network: g.known.network, holders: g.known.holders, volumes: g.known.volumes, stored: g.known.stored, images: map[string]plan.Image{}}
	var err error
	if !g.trust || g.dirt.network || !now.network.Exists {
		if now.network, now.holders, err = e.observeNetwork(ctx); err != nil {
			return now, err
		}
	}
	if !g.trust || g.dirt.volumes || now.volumes == nil {
		if now.volumes, err = e.observeVolumes(ctx); err != nil {
			return now, err
		}
	}
	if !g.trust || g.dirt.images || now.stored == nil {
		now.stored = e.observeStored(ctx)
	}
	for _, s := range want.Services {
		if i, ok := g.known.images[s.Image]; ok && g.trust && !g.dirt.images {
			now.images[s.Image] = i
		} else if _, done := now.images[s.Image]; done {
			continue
		} else if now.images[s.Image], err = e.observeImage(ctx, s.Image); err != nil {
			return now, err
		}
	}
	return now, nil
}

// usable are the site's volumes, and those of others' whose name it wants.
func (s surroundings) usable(want spec.Site) map[string]plan.Volume {
	out := maps.Clone(s.volumes)
	maps.DeleteFunc(out, func(name string, v plan.Volume) bool {
		_, wanted := want.Volumes[name]
		return v.Problem != "" && !wanted
	})
	return out
}

// taken is the network with the addresses that containers other than ours hold.
func (s surroundings) taken(ours map[string]sighting) plan.Network {
	n := s.network
	n.Taken = map[netip.Addr]bool{}
	for addr, id := range s.holders {
		if _, mine := ours[id]; !mine {
			n.Taken[addr] = true
		}
	}
	return n
}
