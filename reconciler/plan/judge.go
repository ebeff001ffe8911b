package plan

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"havn.internal/spec"
)

// crashLimit is how often a replica may crash before it was ever routed. Docker
// waits 100 ms before the first restart and doubles that, so five crashes span
// three seconds: time for what the release needs to come up.
const crashLimit = 5

// judge condemns the release on trial if it failed. Only a release that is not
// proven is on trial; a proven one that fails is healed.
func (m *maker) judge(v *view) {
	if !v.known || v.proven || v.verdict != "" {
		return
	}
	v.failed = m.failure(v)
	if v.failed == "" {
		return
	}
	if v.rollout().OnFailure != spec.Hold {
		m.failing[VerdictKey{v.name, v.fingerprint}] = true
	}
	m.do(v.name, Condemn{Service: v.name, Fingerprint: v.fingerprint, Reason: v.failed}, v.failed)
	v.note("%s", v.failed)
}

// failure is why the release on trial failed, "" if it did not.
func (m *maker) failure(v *view) string {
	for _, slot := range m.slots(v) {
		name := ContainerName(v.name, v.fingerprint, slot)
		if f, ok := m.have.Failures[Start{Name: name}.Key()]; ok && f.Release {
			return f.Err
		}
	}
	if need := m.needAway(v); need != "" && slices.ContainsFunc(v.fresh, alive) {
		m.wait(v.name, ForNeed, m.now.Add(relook), "its release is not judged while "+need+" is not ready")
		return ""
	}
	if reason := m.givesUp(v); reason != "" {
		return reason
	}
	for _, c := range v.fresh {
		if m.busy(c) {
			continue
		}
		if reason := m.replicaFailure(v, c); reason != "" {
			return reason
		}
	}
	return ""
}

// givesUp is why the rollout ends though no replica of it has failed by itself: it has
// made no progress for its progress deadline, whoever is at fault.
func (m *maker) givesUp(v *view) string {
	since, tries := m.have.Trying[VerdictKey{v.name, v.fingerprint}]
	deadline := v.progressDeadline()
	if !tries || deadline <= 0 || m.now.Before(since.Add(deadline)) {
		return ""
	}
	return fmt.Sprintf("no progress for %s: %s", deadline, m.stuckWith(v))
}

// progressDeadline is that of the spec, and longer by as much as the image's own health
// check takes beyond the healthy deadline; 0 for none.
func (v *view) progressDeadline() time.Duration {
	r := v.rollout()
	deadline := r.ProgressDeadline.Std()
	if deadline <= 0 {
		return 0
	}
	for _, c := range v.fresh {
		deadline = max(deadline, r.ProgressDeadline.Std()+v.readyWithin(c)-r.HealthyDeadline.Std())
	}
	return deadline
}

// stuckWith says what keeps the replicas of the target from being ready.
func (m *maker) stuckWith(v *view) string {
	for _, slot := range m.slots(v) {
		name := ContainerName(v.name, v.fingerprint, slot)
		if f, ok := m.have.Failures[Start{Name: name}.Key()]; ok {
			return fmt.Sprintf("%s cannot start: %s", name, f.Err)
		}
		if owner, taken := m.have.Taken[name]; taken {
			return fmt.Sprintf("the container name %s is taken by %s", name, owner)
		}
	}
	for _, c := range v.fresh {
		switch {
		case c.State == Restarting || c.State == Exited:
			return fmt.Sprintf("%s %s", c.Name, crash(c))
		case !m.ready(c):
			return fmt.Sprintf("%s is not ready: %s", c.Name, lastProbe(c))
		}
	}
	return fmt.Sprintf("%d of %d replicas are ready", count(v.fresh, m.ready), v.replicas())
}

func (m *maker) replicaFailure(v *view, c Container) string {
	since, routed := m.routedSince(c)
	from := m.judgedFrom(v, c)
	early := m.now.Before(from)
	switch {
	case early && (c.State == Restarting || c.Restarts > 0 || c.Health.Unhealthy):
		m.wait(v.name, ForReady, from, c.Name+" recovers from what it needs having been away")
		return ""
	case routed && (c.State == Restarting || c.Restarts > 0 && c.StartedAt.After(since) && !c.StartedAt.Before(from)):
		return fmt.Sprintf("%s %s after it was routed", c.Name, crash(c))
	case c.Restarts >= crashLimit && (from.IsZero() || c.State != Running || !c.Health.Ready):
		return fmt.Sprintf("%s %s, %d times", c.Name, crash(c), c.Restarts)
	case c.State != Running || c.Health.Ready:
		return ""
	case routed && c.Health.Unhealthy:
		return fmt.Sprintf("%s is unhealthy after it was routed: %s", c.Name, c.Health.Last)
	}
	if c.Unprobed() {
		m.wait(v.name, ForReady, m.now.Add(relook), c.Name+" has not been probed yet")
		return ""
	}
	deadline := v.readyWithin(c)
	if until := later(c.StartedAt.Add(deadline), from); m.now.Before(until) {
		m.wait(v.name, ForReady, until, "until "+c.Name+" has to be ready: "+lastProbe(c))
		return ""
	}
	return fmt.Sprintf("%s was not ready within %s: %s", c.Name, deadline, lastProbe(c))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func crash(c Container) string {
	if c.OOM {
		return "ran out of its memory limit"
	}
	if c.ExitCode == 0 {
		return "exited with code 0 (as a program that is done; a service has to stay running)"
	}
	return fmt.Sprintf("exited with code %d", c.ExitCode) + initHint(c)
}

func lastProbe(c Container) string {
	if c.Health.Last == "" {
		return "no probe has answered yet"
	}
	return c.Health.Last
}

// routedSince is when c was first routed of those of its ports that are now.
func (m *maker) routedSince(c Container) (time.Time, bool) {
	var since time.Time
	found := false
	for a, t := range m.have.Gateway.Routed {
		if a.Addr() == c.Addr && (!found || t.Before(since)) {
			since, found = t, true
		}
	}
	return since, found && m.isRouted(c)
}

// complete: the target runs as wanted, every replica ready, and routed if the
// service is. since is when that began.
func (m *maker) complete(v *view) (since time.Time, ok bool) {
	n := v.replicas()
	if count(v.fresh, m.ready) < n || n == 0 {
		return since, false
	}
	for _, c := range m.keep(v) {
		if c.Health.Since.After(since) {
			since = c.Health.Since
		}
		if !v.routes {
			continue
		}
		t, routed := m.routedSince(c)
		if !routed {
			return since, false
		}
		if t.After(since) {
			since = t
		}
	}
	return since, true
}

// watch proves a release that is complete and has passed its watch window. There
// is a window only while there is something to switch back to, and none for a
// release that is proven and changes in place.
func (m *maker) watch(v *view) {
	since, ok := m.complete(v)
	if !ok {
		return
	}
	prove := Prove{Service: v.name, Fingerprint: v.fingerprint, Release: v.target.Stored()}
	end := since.Add(v.rollout().Watch.Std())
	switch {
	case v.proven:
		if now := m.inPlace(v, prove.Release); now != "" {
			m.do(v.name, prove, now)
		}
	case len(m.warm(v)) == 0 && !m.tookOver(v):
		m.do(v.name, prove, "every replica is ready")
	case !m.now.Before(end) && m.unsettledGiver(v) != "":
		giver := m.unsettledGiver(v)
		m.wait(v.name, ForNeed, m.now.Add(relook), fmt.Sprintf("proven together with %s, which gave up what %s took over", giver, v.name))
	case !m.now.Before(end):
		m.do(v.name, prove, "every replica stayed ready for the watch window")
	default:
		v.phase = Watching
		m.wait(v.name, ForWatch, end, "watch window of release "+v.fingerprint.Short())
	}
}

// inPlace says in what the last good release is not as its replicas are run now, ""
// if it is: in what needs no new container, such as their number. Who falls back to
// it has to fall back to what served last, not to what served when it was proven.
func (m *maker) inPlace(v *view, now spec.Release) string {
	good := m.have.LastGood[v.name].Stored()
	if v.verdict != "" || m.have.Images[v.wanted.Image].ID == "" || reflect.DeepEqual(good, now) || len(Changes(good, now, HideValues)) == 0 {
		return ""
	}
	return Difference(good, now)
}

// warm are the stale replicas to go back to if the release on trial fails.
func (m *maker) warm(v *view) []Container {
	if v.proven || v.replicas() == 0 {
		return nil
	}
	good, known := m.have.LastGood[v.name]
	var f spec.Fingerprint
	if known {
		f = good.Fingerprint(m.have.Site)
	}
	return filter(v.stale, func(c Container) bool {
		_, condemned := m.have.Verdicts[VerdictKey{v.name, c.Fingerprint}]
		if known && c.Fingerprint != f || condemned || !usable(c) {
			return false
		}
		return m.ready(c) || c.State == Exited && known
	})
}
