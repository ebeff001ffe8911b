package forge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// A Memory outlives the process: it knows what was said last, so that a restart says
// nothing again. GitHub takes a thousand statuses of a commit in all. One that forgets
// costs a status that is said twice.
type Memory interface {
	// Said is what was said last, in that order.
	Said() []Said
	Say([]Said)
}

// A Said is a status that was said, as digests: reasons may be long, and hold what only
// a forge may see.
type Said struct {
	// About is the commit and the context.
	About  string `json:"about"`
	Digest string `json:"digest"`
}

// saidKept is of how many commits it is remembered.
const saidKept = 20

// A saying is what was said.
type saying struct {
	memory Memory
	where  Repository
	last   []Said
}

func newSaying(m Memory, where Repository) *saying {
	s := &saying{memory: m, where: where}
	if m != nil {
		s.last = m.Said()
	}
	return s
}

func (s *saying) of(t Status) Said {
	text, _ := json.Marshal([]any{s.where, t})
	sum := sha256.Sum256(text)
	return Said{About: t.Commit + " " + t.Context, Digest: hex.EncodeToString(sum[:])}
}

// has: the status is what was said last of its commit.
func (s *saying) has(t Status) bool { return slices.Contains(s.last, s.of(t)) }

func (s *saying) note(t Status) {
	now := s.of(t)
	s.last = slices.DeleteFunc(s.last, func(o Said) bool { return o.About == now.About })
	s.last = append(s.last, now)
	s.last = s.last[max(0, len(s.last)-saidKept):]
	if s.memory != nil {
		s.memory.Say(s.last)
	}
}
