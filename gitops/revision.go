package gitops

import (
	"context"
	"time"
)

// A Revision is one state of the source.
type Revision struct {
	// ID identifies it: the hash of a directory's content, or the commit.
	ID string
	// Dir is where it can be read. That of a commit is read-only, and stays at least
	// until Keep others have been delivered.
	Dir string
	// Inside is where in Dir the spec is: Dir may hold a whole module, of which the
	// spec is a part. It is empty if the spec is Dir.
	Inside string

	// Same is the revision accepted before, if nothing of this spec is another since:
	// the commit is about other paths of the repository.
	Same string

	// Still says, of a directory, whether its specs are still those of the ID, and whole:
	// what was read of Dir before it said so is the revision. It is nil for a commit, which
	// nobody changes.
	Still func() bool

	// The rest is known of commits only. What the author wrote is made printable.
	Commit          string
	Subject, Author string
	Time            time.Time
	// Signer is who signed it, where the trust policy asks for that.
	Signer string
	Took   Took
}

// A Source delivers revisions until ctx ends; the error is that of ctx.
type Source interface {
	Run(ctx context.Context, deliver func(Revision)) error
}

var (
	_ Source = Directory{}
	_ Source = (*Git)(nil)
)
