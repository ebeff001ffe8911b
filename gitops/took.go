package gitops

import "time"

// Took is how long the parts of taking a commit took. It is zero for one that was
// taken by an earlier process.
type Took struct {
	// Ask is until the remote had said what it has, Fetch until that was here.
	Ask, Fetch time.Duration
	// Judge is for the order of revisions and for signatures, Export for the files.
	Judge, Export time.Duration
}

// lap is the time since the last part ended.
func (g *Git) lap() time.Duration {
	now := time.Now()
	took := now.Sub(g.since)
	g.since = now
	return took
}
