package reconciler

import (
	"time"

	"havn.internal/reconciler/plan"
)

// pauses are how long drift that comes back after each repair is left alone: the first time
// it is repaired at once. Something else may be at work that wants it so.
var pauses = []time.Duration{0, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}

// quiet is after how long drift is the first again, and not what came back.
const quiet = 10 * time.Minute

// repairs is how often the replicas of each release have drifted. It is in memory only: a
// restart of havn costs one repair more.
type repairs struct {
	of   map[plan.VerdictKey]plan.Repair
	seen map[string]bool
}

// update counts the replicas that have drifted since the last time. Those that are found at
// once count as one: a person may have changed them all.
func (r *repairs) update(containers map[string]plan.Container, now time.Time) {
	of, seen := map[plan.VerdictKey]plan.Repair{}, map[string]bool{}
	fresh := map[plan.VerdictKey]bool{}
	for _, c := range containers {
		key := plan.VerdictKey{Service: c.Service, Fingerprint: c.Fingerprint}
		if before, known := r.of[key]; known {
			of[key] = before
		}
		if c.Drift == "" {
			continue
		}
		seen[c.ID] = true
		fresh[key] = fresh[key] || !r.seen[c.ID]
	}
	for key, isNew := range fresh {
		last := of[key]
		if !isNew {
			continue
		}
		if now.Sub(last.At) > max(quiet, 2*pause(last.Count)) {
			last.Count = 0
		}
		last.Count++
		last.At, last.Next = now, now.Add(pause(last.Count))
		of[key] = last
	}
	r.of, r.seen = of, seen
}

func pause(count int) time.Duration {
	if count < 1 {
		return 0
	}
	return pauses[min(count, len(pauses))-1]
}
