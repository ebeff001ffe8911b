package forge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// A Memory outlives the process: it knows what was said last, so that a restart says
// nothing again. GitHub takes a thousand statuses of a commit in all. One that forgets
// costs a status that is said twice.
type Memory interface {
	// Said are digests of the last statuses, by what they are about.
	Said() map[string]string
	Say(map[string]string)
}

// saidKept is of how many commits it is remembered.
const saidKept = 20

// A saying is what was said, as digests: reasons may be long, and hold what only a
// forge may see.
type saying struct {
	memory Memory
	where  Repository
	last   map[string]string
	order  []string
}

func newSaying(m Memory, where Repository) *saying {
	s := &saying{memory: m, where: where, last: map[string]string{}}
	if m == nil {
		return s
	}
	for about, digest := range m.Said() {
		s.last[about] = digest
		s.order = append(s.order, about)
	}
	return s
}

func (s *saying) about(t Status) string { return t.Commit + " " + t.Context }

func (s *saying) digest(t Status) string {
	text, _ := json.Marshal([]any{s.where, t})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// has: the status is what was said last of its commit.
func (s *saying) has(t Status) bool { return s.last[s.about(t)] == s.digest(t) }

func (s *saying) note(t Status) {
	about := s.about(t)
	if _, known := s.last[about]; !known {
		s.order = append(s.order, about)
	}
	s.last[about] = s.digest(t)
	for len(s.order) > saidKept {
		delete(s.last, s.order[0])
		s.order = s.order[1:]
	}
	if s.memory != nil {
		s.memory.Say(s.last)
	}
}
