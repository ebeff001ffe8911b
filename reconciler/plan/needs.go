package plan

import (
	"fmt"
	"slices"
	"time"

	"havn.internal/spec"
)

// needsMet: every service that the target needs is ready, and none of them is on its way
// to another release. The first that is not is named.
func (m *maker) needsMet(v *view) (need string, met bool) {
	for _, name := range v.target.Service.Needs {
		if o := m.viewOf(name); o == nil || m.away(o) || m.underWay(o) {
			return name, false
		}
	}
	return "", true
}

// dependsOn: the service needs another one, or something it needs does.
func (m *maker) dependsOn(s spec.Service, name string, seen []string) bool {
	for _, need := range s.Needs {
		if need == name {
			return true
		}
		if !slices.Contains(seen, need) && m.dependsOn(m.want.Services[need], name, append(seen, need)) {
			return true
		}
	}
	return false
}

// away: no replica of the service is ready.
func (m *maker) away(v *view) bool { return count(v.all, m.ready) == 0 }

// underWay: the service is yet to arrive at the wanted release, and has not failed to.
func (m *maker) underWay(v *view) bool {
	switch {
	case v.verdict != "" || v.held:
		return false
	case !v.known || v.fingerprint != v.wantedPrint:
		return true
	}
	return !v.proven && count(v.fresh, m.ready) < v.replicas()
}

// waitsForNeeds: a service that the target needs is not ready. A release that is not
// proven waits for it; one that is, only if nothing of the service is there.
func (m *maker) waitsForNeeds(v *view) bool {
	if v.proven && len(v.all) > 0 {
		return false
	}
	need, met := m.needsMet(v)
	if met {
		return false
	}
	why := fmt.Sprintf("waits for %s, which is not ready", need)
	switch o := m.viewOf(need); {
	case o != nil && o.wanted.Replicas == 0:
		why = fmt.Sprintf("it needs %s, of which the site wants no replica", need)
		m.block(v.name, why)
	case o != nil && !m.away(o):
		why = fmt.Sprintf("waits for %s, which is on its way to its new release", need)
	}
	v.phase = Waiting
	v.note("%s", why)
	m.wait(v.name, ForNeed, m.now.Add(relook), why)
	return true
}

// needAway names a service without any ready replica that the target needs.
func (m *maker) needAway(v *view) string {
	for _, name := range v.target.Service.Needs {
		if o := m.viewOf(name); o == nil || m.away(o) {
			return name
		}
	}
	return ""
}

// judgedFrom is from when on what c does counts against its release: a service that it
// needs came back only after c was created, and c has its healthy deadline to recover.
func (m *maker) judgedFrom(v *view, c Container) time.Time {
	var back time.Time
	for _, name := range v.target.Service.Needs {
		if o := m.viewOf(name); o != nil {
			if since := m.readySince(o); since.After(back) {
				back = since
			}
		}
	}
	if !c.CreatedAt.Before(back) {
		return time.Time{}
	}
	return back.Add(v.rollout().HealthyDeadline.Std())
}

// readySince is since when the service has had a ready replica, as far as is known.
func (m *maker) readySince(v *view) (since time.Time) {
	for _, c := range v.all {
		if m.ready(c) && (since.IsZero() || c.Health.Since.Before(since)) {
			since = c.Health.Since
		}
	}
	return since
}
