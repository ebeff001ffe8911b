package gitops

import (
	"os"
	"path/filepath"
	"time"
)

// contactFile is the file whose time is that of the remote's last answer, so that
// how stale a source is outlives the process, and a reboot.
func (g *Git) contactFile() string { return filepath.Join(g.State, "contact") }

// contact notes that the remote has answered.
func (g *Git) contact() {
	now := time.Now()
	g.mu.Lock()
	g.status.Contact = now
	g.mu.Unlock()
	if os.Chtimes(g.contactFile(), now, now) != nil {
		// Without it only the age of the last answer is unknown after a restart.
		_ = os.WriteFile(g.contactFile(), nil, 0o600)
	}
}

// LastContact is when the remote of a state directory answered last, zero if never.
func LastContact(state string) time.Time {
	g := Git{GitOptions: GitOptions{State: state}}
	return g.lastContact()
}

func (g *Git) lastContact() time.Time {
	i, err := os.Stat(g.contactFile())
	if err != nil {
		return time.Time{}
	}
	return i.ModTime()
}
