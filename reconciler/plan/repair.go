package plan

import (
	"fmt"
	"time"
)

// left: the drift of the replica has come back after each repair, and is left alone for now.
func (m *maker) left(c Container) (until time.Time, ok bool) {
	r := m.have.Repairs[VerdictKey{c.Service, c.Fingerprint}]
	return r.Next, c.Drift != "" && m.now.Before(r.Next)
}

// tolerated: the replica serves though it has drifted, for a fresh one would drift as well.
func (m *maker) tolerated(c Container) bool {
	_, left := m.left(c)
	c.Drift = ""
	return left && usable(c) && !c.Unreachable
}

// waitsForRepair: a replica that can't serve has drifted again and again. It is replaced
// later.
func (m *maker) waitsForRepair(v *view) bool {
	for _, c := range v.stale {
		if until, left := m.left(c); left && c.Fingerprint == v.fingerprint && !m.tolerated(c) {
			why := fmt.Sprintf("%s: %s, again; it is replaced at %s", c.Name, c.Drift, until.UTC().Format(time.TimeOnly))
			v.note("%s", why)
			m.wait(v.name, ForRetry, until, why)
			return true
		}
	}
	return false
}

// toleratedNotes say of each drift that is left alone what it is.
func (m *maker) toleratedNotes(v *view) {
	for _, c := range v.fresh {
		if until, left := m.left(c); left && m.tolerated(c) {
			m.plan.Notes = append(m.plan.Notes, Note{v.name, fmt.Sprintf(
				"%s: %s; this comes back after each repair, so something else changes the replicas; havn repairs it again at %s",
				c.Name, c.Drift, until.UTC().Format(time.TimeOnly))})
		}
	}
}
