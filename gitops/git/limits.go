package git

import "time"

// Limits bound what a remote can cost. What is beyond them is no repository of
// specs but an accident, or an attack.
type Limits struct {
	// Remote and Local bound the time of one call.
	Remote, Local time.Duration
	// Pack bounds each file git writes, and so what one fetch may bring; Memory its
	// address space.
	Pack, Memory int64
	// Of the spec path: its files, the bytes of one and of all, and the directories
	// above a file.
	Files          int
	FileSize, Size int64
	Depth          int
	// Commits bounds how far back history is followed.
	Commits int
	// Packs is how many fetches a mirror holds before it is made anew.
	Packs int
}

// DefaultLimits fit every repository of specs.
func DefaultLimits() Limits {
	return Limits{
		Remote: 2 * time.Minute, Local: 30 * time.Second,
		Pack: 256 << 20, Memory: 2 << 30,
		Files: 10_000, FileSize: 1 << 20, Size: 64 << 20, Depth: 32,
		Commits: 10_000, Packs: 50,
	}
}
