package model

import "time"

// A Behaviour is how the replicas of an image behave.
type Behaviour struct {
	// Start is how long the start of a container takes.
	Start time.Duration
	// Ready is how long after that it is ready; Never if it never is.
	Ready time.Duration
	// Crash is how long after its start it exits, each time; 0 if it does not.
	Crash time.Duration
	// DiesRouted and SickRouted are how long after it was routed it exits, each
	// time, or is unhealthy for good; 0 if it does not.
	DiesRouted, SickRouted time.Duration
	// Stop is how long it takes to end after the stop signal.
	Stop time.Duration
	// CantCreate is why the engine can't create it at all.
	CantCreate string
	// HostFails is why the host can't start it, which is not the image's fault.
	HostFails string
	// CantStart is why the engine can't start it at all.
	CantStart string
}

// Never is longer than anything lasts.
const Never = 1000 * time.Hour

// Usual is the behaviour of an image that nothing else is said of.
var Usual = Behaviour{Start: 300 * time.Millisecond, Ready: time.Second, Stop: 200 * time.Millisecond}

// An image is one reference in the registry, on the host, or both.
type image struct {
	// local and remote are the IDs on the host and in the registry; "" if it is
	// not there.
	local, remote string
	pull          time.Duration
	fails         string
	problem       string
}

// Push puts an image into the registry: it takes pull to fetch.
func (h *Host) Push(ref, id string, pull time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := h.images[ref]
	i.remote, i.pull, i.fails = id, pull, ""
	h.images[ref] = i
}

// BreakPull lets every pull of an image fail until it is pushed again.
func (h *Host) BreakPull(ref, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := h.images[ref]
	i.fails = why
	h.images[ref] = i
}

// Load puts an image on the host.
func (h *Host) Load(ref, id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bring(ref, id, true)
}

// RemoveImageByHand removes an image from the host, as `docker rmi -f` does.
func (h *Host) RemoveImageByHand(ref string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.untag(ref)
}

// Behave sets how the replicas of an image behave, from their next start on.
func (h *Host) Behave(ref string, b Behaviour) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.behaviours[ref] = b
}

func (h *Host) behaviour(ref string) Behaviour {
	if b, ok := h.behaviours[ref]; ok {
		return b
	}
	return Usual
}
