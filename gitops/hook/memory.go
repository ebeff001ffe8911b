package hook

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// The deliveries that are remembered, and for how long.
	remembered = 10_000
	rememberIn = 24 * time.Hour
)

// A memory knows the deliveries that have come, the newest of them, so that one
// that is sent again does nothing. What identifies a delivery is its signature:
// the ids that forges send are not signed. Two deliveries that are the same to the
// byte are one; what the second would have said is found by the next poll.
type memory struct {
	mu   sync.Mutex
	seen map[mark]time.Time
	ring []mark
	next int
}

type mark [16]byte

func markOf(identity []byte) mark {
	sum := sha256.Sum256(identity)
	return mark(sum[:len(mark{})])
}

// first notes the delivery, and is true if it had not come before.
func (m *memory) first(id mark, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, ok := m.seen[id]; ok {
		if now.Sub(at).Abs() < rememberIn {
			return false
		}
		m.seen[id] = now
		return true
	}
	if m.seen == nil {
		m.seen = make(map[mark]time.Time, remembered)
		m.ring = make([]mark, 0, remembered)
	}
	if len(m.ring) < remembered {
		m.ring = append(m.ring, id)
	} else {
		delete(m.seen, m.ring[m.next])
		m.ring[m.next] = id
		m.next = (m.next + 1) % remembered
	}
	m.seen[id] = now
	return true
}
