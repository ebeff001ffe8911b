package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"havn.internal/reconciler/plan"
)

// Told is what the machine was told on the command line and in the host file, by the names
// of the flags. A plan rests on it as on the spec.
type Told map[string]string

// On makes a road one on a machine that is told something else than before. What was told
// before may be unknown in part, or as a whole.
func (r *Road) On(before, now Told) {
	r.Hash = HashOn(r.Hash, now)
	r.Machine = nil
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if was, known := before[name]; known && was != now[name] {
			r.Machine = append(r.Machine, plan.Change{Field: "--" + name, Old: was, New: now[name]})
		}
	}
}

// HashOn is the hash of a plan on a machine that was told so.
func HashOn(hash string, told Told) string {
	text, err := json.Marshal(told)
	if err != nil {
		panic("model: hash: " + err.Error()) // only strings
	}
	sum := sha256.Sum256(append([]byte(hash), text...))
	return hex.EncodeToString(sum[:8])
}
