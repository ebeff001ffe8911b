package reconciler

import (
	"time"

	"havn.internal/reconciler/plan"
)

// progress is since when each service has been trying in vain to have its replicas ready.
// Progress is more ready replicas of the release than it has had so far, so a release that
// flaps makes none; and the time in which something else is waited for does not count.
// It is in memory only: a restart of havn gives every rollout its progress deadline anew.
type progress struct {
	since map[plan.VerdictKey]time.Time
	most  map[plan.VerdictKey]int
}

func (p *progress) update(made plan.Plan, now time.Time) {
	since, most := map[plan.VerdictKey]time.Time{}, map[plan.VerdictKey]int{}
	for _, s := range made.Services {
		key := plan.VerdictKey{Service: s.Service, Fingerprint: s.Release}
		best, known := p.most[key]
		most[key] = max(best, s.Fresh)
		if !s.Trying {
			continue
		}
		since[key] = now
		if t, tried := p.since[key]; tried && known && s.Fresh <= best {
			since[key] = t
		}
	}
	// A proven release is complete again and again: what it had before is no measure.
	for _, s := range made.Services {
		if key := (plan.VerdictKey{Service: s.Service, Fingerprint: s.Release}); s.Fresh >= s.Wanted {
			delete(most, key)
		}
	}
	p.since, p.most = since, most
}
