package model

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

var errDown = errors.New("cannot connect to the Docker daemon")

// A Host is one machine with Docker and nginx. Its methods are what people and
// the world do to it; havn uses its [Engine], [Gateway], [Prober] and [Journal].
type Host struct {
	// Faults, if set, says what goes wrong with each call. It must not use the
	// Host.
	Faults func(Call) Fault
	// RequestLimit is how long a request may take; see nginx.Config.
	RequestLimit time.Duration
	// Saw, if set, is told of every deed when it is done. It must not use the
	// Host.
	Saw func(Deed)
	// Meddle, if set, is the drift that somebody else gives each replica that starts.
	Meddle string
	// Reject says why nginx refuses a location, "" if it does not.
	Reject func(plan.Location) string

	clock Clock
	site  string
	fixed netip.Prefix

	mu         sync.Mutex
	calls, ids int
	crashed    bool
	downUntil  time.Time
	network    plan.Network
	containers map[string]*container
	volumes    map[string]plan.Volume
	policy     spec.Policy
	binds      map[string]string
	images     map[string]image
	words      map[string]*plan.Word
	stored     map[string]stored
	behaviours map[string]Behaviour
	watched    map[string]watch
	nginx      nginx
	// listeners are the host ports that programs which are not havn's listen on.
	listeners map[netip.AddrPort]string
	// taken are the ports that were taken on the host this one was made like.
	taken map[string]string
}

// New returns an empty host for a site whose replicas get addresses in fixed.
func New(site string, fixed netip.Prefix, clock Clock) *Host {
	return &Host{
		RequestLimit: time.Minute, clock: clock, site: site, fixed: fixed,
		network:    plan.Network{Fixed: fixed},
		containers: map[string]*container{}, volumes: map[string]plan.Volume{},
		images: map[string]image{}, words: map[string]*plan.Word{}, stored: map[string]stored{}, behaviours: map[string]Behaviour{}, watched: map[string]watch{},
		nginx: newNginx(), listeners: map[netip.AddrPort]string{},
	}
}

// From returns a host as it was observed. What is in flight there is not done
// here: whoever plans on it begins it anew.
func From(have plan.Observed, clock Clock) *Host {
	h := New(have.Site, have.Network.Fixed, clock)
	h.network = have.Network
	h.network.Taken = nil
	for _, name := range slices.Sorted(maps.Keys(have.Containers)) {
		c := have.Containers[name]
		h.containers[name] = seen(c, clock.Now())
		h.stored[c.Release.ImageID] = stored{}
	}
	for _, r := range have.LastGood {
		h.stored[r.ImageID] = stored{}
	}
	for id, i := range have.Stored {
		h.stored[id] = stored{fetched: i.Fetched, size: i.Size, names: i.Names}
	}
	for name, who := range have.Taken {
		h.containers[name] = &container{Container: plan.Container{Name: name, State: plan.Running}, foreign: who}
	}
	for name, what := range have.Strangers {
		if h.containers[name] == nil {
			h.containers[name] = &container{Container: plan.Container{Name: name, State: plan.Running}, foreign: what}
		}
		h.containers[name].stranger = what
	}
	for a := range have.Network.Taken {
		name := "at " + a.String()
		h.containers[name] = &container{Container: plan.Container{Name: name, Addr: a, State: plan.Running}, foreign: "a container"}
	}
	h.policy, h.binds = have.Policy, have.Binds
	h.taken = have.Ports
	maps.Copy(h.volumes, have.Volumes)
	for ref, i := range have.Images {
		h.images[ref] = image{local: i.ID, remote: i.ID, problem: i.Problem}
		if _, there := h.stored[i.ID]; !there && i.ID != "" {
			h.stored[i.ID] = stored{}
		}
		if i.Word != nil {
			h.words[ref] = i.Word
		}
	}
	h.nginx.seed(have.Gateway, clock.Now())
	return h
}

// Now is the host's time.
func (h *Host) Now() time.Time { return h.clock.Now() }

func (h *Host) down(now time.Time) bool { return now.Before(h.downUntil) }

// newID is unique on the host.
func (h *Host) newID() string {
	h.ids++
	return fmt.Sprintf("%012x", h.ids)
}

// names are the names of all containers, sorted.
func (h *Host) names() []string { return slices.Sorted(maps.Keys(h.containers)) }

// settle lets everything happen that is due, in the order of its time, and
// returns the time.
func (h *Host) settle() time.Time {
	now := h.clock.Now()
	for {
		at, happen := h.due()
		if happen == nil || at.After(now) {
			return now
		}
		happen(at)
	}
}

// due is what happens next on the host by itself.
func (h *Host) due() (time.Time, func(time.Time)) {
	at, happen := h.nginx.due(h)
	for _, name := range h.names() {
		c := h.containers[name]
		if t, f := c.due(h); f != nil && (happen == nil || t.Before(at)) {
			at, happen = t, f
		}
	}
	return at, happen
}

// Next is when something next happens on the host by itself, or becomes visible
// to a probe; false if nothing will.
func (h *Host) Next() (time.Time, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.settle()
	at, happen := h.due()
	any := happen != nil
	earlier := func(t time.Time) {
		if t.After(now) && (!any || t.Before(at)) {
			at, any = t, true
		}
	}
	for _, name := range h.names() {
		for _, t := range h.visible(h.containers[name]) {
			earlier(t)
		}
	}
	for _, t := range h.nginx.visible(h.RequestLimit) {
		earlier(t)
	}
	if h.down(now) {
		earlier(h.downUntil)
	}
	return at, any
}
