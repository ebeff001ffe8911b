package plan

import (
	"cmp"
	"fmt"
	"slices"

	"havn.internal/spec"
)

// A view is one service as the planner sees it: what it should be now, and its
// replicas sorted into those that are that and those that are not.
type view struct {
	name string
	// wanted is the spec; target is the release havn converges to now. They
	// differ while the wanted release is condemned or its image is not there.
	wanted      spec.Service
	target      spec.Release
	fingerprint spec.Fingerprint
	// known: there is a target. proven: it is the last good release.
	known, proven bool
	// wantedPrint is the fingerprint of the wanted release, as far as its image is known;
	// unresolved: it is not yet.
	wantedPrint spec.Fingerprint
	unresolved  bool
	// verdict is why the wanted release is condemned, "" if it is not; held if
	// nothing may be done about it.
	verdict string
	held    bool
	// givesBack: it is condemned only as long as another service's release is.
	givesBack bool

	all []Container
	// fresh are usable replicas of the target, stale all others.
	fresh, stale []Container
	// serve are the replicas that should be routed.
	serve []Container
	// spare are replicas that should be asked if those are gone.
	spare []Container
	// failed is why the target, which is on trial, failed.
	failed string
	// routes: a location leads to the service.
	routes bool

	// stopFirst: stale replicas have to stop before one of the target can start.
	stopFirst bool
	// trying and stalled are those of [Standing].
	trying, stalled bool

	phase Phase
	notes []string
}

func (v *view) note(format string, args ...any) {
	v.notes = append(v.notes, fmt.Sprintf(format, args...))
}

func (v *view) rollout() spec.Rollout { return v.target.Service.Rollout }

// replicas is how many replicas there should be.
func (v *view) replicas() int { return v.target.Service.Replicas }

// view sorts out one wanted service.
func (m *maker) view(name string) *view {
	v := &view{name: name, wanted: m.want.Services[name], phase: Converged}
	v.all = m.containersOf(name)
	v.wantedPrint = m.wantedFingerprint(v)
	m.choose(v)
	for _, c := range v.all {
		if v.known && c.Fingerprint == v.fingerprint && (usable(c) || m.tolerated(c)) {
			v.fresh = append(v.fresh, c)
		} else {
			v.stale = append(v.stale, c)
		}
	}
	return v
}

// choose decides what the service should be now.
func (m *maker) choose(v *view) {
	if why := m.refused(v.wanted); len(why) > 0 && v.wanted.Replicas > 0 {
		m.refuse(v, why)
		return
	}
	image := m.image(v)
	wanted := spec.Release{Service: v.wanted, ImageID: image.ID}
	f := wanted.Fingerprint(m.have.Site)
	verdict, condemned := m.have.Verdicts[VerdictKey{v.name, f}]
	proven := m.isProven(v.name, f)
	if why := m.givesBack(v, f); why != "" && !condemned {
		verdict, condemned, v.givesBack = Verdict{Reason: why}, true, true
	}
	switch {
	case image.ID == "":
		v.unresolved = true
		m.stay(v, f)
	case !condemned || proven:
		v.setTarget(m, wanted, proven)
	case v.wanted.Rollout.OnFailure == spec.Hold && !v.givesBack:
		v.verdict, v.held, v.phase = verdict.Reason, true, Stuck
		v.setTarget(m, wanted, false)
	default:
		v.verdict, v.phase = verdict.Reason, Stuck
		if m.fallBack(v, f) {
			v.phase = RolledBack
		}
	}
}

func (v *view) setTarget(m *maker, r spec.Release, proven bool) {
	v.target, v.fingerprint, v.known, v.proven = r, r.Fingerprint(m.have.Site), true, proven
}

func (m *maker) isProven(service string, f spec.Fingerprint) bool {
	good, ok := m.have.LastGood[service]
	return ok && good.Fingerprint(m.have.Site) == f
}

// fallBack makes the last good release the target: the journal's or, if that is
// lost, the release of the replica that best proves itself by serving.
func (m *maker) fallBack(v *view, wanted spec.Fingerprint) bool {
	if good, ok := m.have.LastGood[v.name]; ok {
		v.setTarget(m, good, true)
		return true
	}
	best, ok := m.serving(v, wanted)
	if ok {
		v.setTarget(m, best.Release, true)
	}
	return ok
}

// stay makes the release that serves now the target, while the wanted one can't
// be known yet: to go back to the last good one would be a rollout of its own.
func (m *maker) stay(v *view, wanted spec.Fingerprint) {
	best, ok := m.serving(v, wanted)
	if ok && m.isRouted(best) && !m.isProven(v.name, best.Fingerprint) {
		v.setTarget(m, best.Release, false)
		return
	}
	m.fallBack(v, wanted)
}

// serving is the replica that best proves its release by serving, other than of
// one that is condemned.
func (m *maker) serving(v *view, wanted spec.Fingerprint) (best Container, ok bool) {
	rank := func(c Container) int {
		switch {
		case m.isRouted(c):
			return 2
		case m.ready(c):
			return 1
		}
		return 0
	}
	candidates := filter(v.all, func(c Container) bool {
		_, condemned := m.have.Verdicts[VerdictKey{v.name, c.Fingerprint}]
		return c.Fingerprint != wanted && !condemned && alive(c)
	})
	if len(candidates) == 0 {
		return best, false
	}
	best = slices.MaxFunc(candidates, func(a, b Container) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), routedFirst(m.isProven(v.name, b.Fingerprint), m.isProven(v.name, a.Fingerprint)),
			a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Name, b.Name))
	})
	return best, true
}

// image returns what the wanted reference stands for, and has it pulled.
func (m *maker) image(v *view) Image {
	ref := v.wanted.Image
	image := m.have.Images[ref]
	pull := Pull{Image: ref, Deadline: v.wanted.Rollout.PullDeadline.Std()}
	failure, failed := m.have.Failures[pull.Key()]
	problem := refusal(v.wanted, image)
	switch {
	case problem != "":
		v.phase = Stuck
		m.block(v.name, problem)
		return Image{}
	case v.wanted.Pull == spec.PullNever && image.ID == "":
		v.phase = Stuck
		m.block(v.name, fmt.Sprintf("image %s is not on the host and pull is \"never\"", ref))
	case v.wanted.Pull == spec.PullNever:
	case image.ID == "" || v.wanted.Pull == spec.PullAlways && !image.Pulled:
		m.do(v.name, pull, pullReason(image))
		if failed {
			v.note("pull %s: %s", ref, failure.Err)
		} else {
			v.note("pulls %s, for at most %s", ref, pull.Deadline)
		}
		if image.ID == "" || !failed {
			v.phase = Waiting
			return Image{}
		}
	}
	return image
}

func pullReason(i Image) string {
	if i.ID == "" {
		return "the image is not on the host"
	}
	return "pull is \"always\""
}

// containersOf returns the replicas of a service by release, newest last, and
// slot.
func (m *maker) containersOf(service string) []Container {
	var out []Container
	for _, c := range m.have.Containers {
		if c.Service == service {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Container) int {
		return cmp.Or(cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// usable: the container can be a replica of its release as it is.
func usable(c Container) bool {
	return c.Drift == "" && c.State != Dead && c.State != Removing && c.State != Paused
}

// alive: it takes up one of the replicas + surge.
func alive(c Container) bool {
	return c.State == Running || c.State == Restarting || c.State == Paused
}

// busy: an act on the container is under way.
func (m *maker) busy(c Container) bool { return m.have.InFlight[Start{Name: c.Name}.Key()] != nil }

// coming counts the replicas whose start is in flight and which are not to be
// seen yet; all of them, and those of one release.
func (m *maker) coming(service string, f spec.Fingerprint) (all, same int) {
	for _, a := range m.have.InFlight {
		s, isStart := a.(Start)
		if _, seen := m.have.Containers[s.Name]; !isStart || seen || s.Release.Service.Name != service {
			continue
		}
		all++
		if s.Fingerprint == f {
			same++
		}
	}
	return all, same
}

// ready: it may take requests now.
func (m *maker) ready(c Container) bool {
	return c.State == Running && c.Health.Ready && !c.Unreachable && !m.busy(c)
}

// serves: requests may be sent to it now. One that is routed and has not been
// probed since havn started stays so: unknown is not unready.
func (m *maker) serves(c Container) bool {
	return m.ready(c) || c.Unprobed() && m.isReached(c) && !c.Unreachable && !m.busy(c)
}

// isRouted: the gateway's confirmed configuration sends it requests.
func (m *maker) isRouted(c Container) bool { return m.routed[c.Addr] }

// isReached: the gateway may send it requests, as one that is routed or a spare.
func (m *maker) isReached(c Container) bool { return m.reached[c.Addr] }

func count(cs []Container, is func(Container) bool) int {
	n := 0
	for _, c := range cs {
		if is(c) {
			n++
		}
	}
	return n
}

func filter[T any](cs []T, keep func(T) bool) []T {
	var out []T
	for _, c := range cs {
		if keep(c) {
			out = append(out, c)
		}
	}
	return out
}
