// Package apply carries out a plan's steps. It decides nothing: all decisions
// were made by [plan.Make].
package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"havn.internal/reconciler/plan"
)

// Runtime is the container engine. Every method is idempotent: what is already
// as asked is no error. Errors that lie with the release and not with the host
// (an executable that is not there, a user unknown to the image) wrap
// [ErrRelease].
type Runtime interface {
	CreateNetwork(ctx context.Context, a plan.CreateNetwork) error
	CreateVolume(ctx context.Context, a plan.CreateVolume) error
	Pull(ctx context.Context, a plan.Pull) error
	Start(ctx context.Context, a plan.Start) error
	// Prepare creates the replica of a start that comes later, and finds what would keep
	// it from starting as far as that can be known.
	Prepare(ctx context.Context, a plan.Prepare) error
	Stop(ctx context.Context, a plan.Stop) error
	Remove(ctx context.Context, a plan.Remove) error
	RemoveImage(ctx context.Context, a plan.RemoveImage) error
}

// Gateway is nginx. StartGateway brings it up with the last confirmed table if
// it does not run. SetRoutes makes it follow the table and returns when nginx has
// confirmed it; a table that nginx refuses leaves the last confirmed one in force
// and gives a [RejectedError].
type Gateway interface {
	StartGateway(ctx context.Context) error
	SetRoutes(ctx context.Context, t plan.Table) error
}

// Journal remembers what can't be seen on the host.
type Journal interface {
	Condemn(a plan.Condemn) error
	Prove(a plan.Prove) error
}

// ErrRelease marks a failure that is the release's own fault.
var ErrRelease = errors.New("the release can't start")

// RejectedError says which locations nginx refused. The rest of the table is in
// force if Applied is set.
type RejectedError struct {
	// Locations maps [plan.Location.Hash] to nginx's reason.
	Locations map[string]string
	Applied   bool
}

// Error names the first reason, in an order that does not change from one try to
// the next: who waits for news compares the words.
func (e *RejectedError) Error() string {
	reasons := slices.Sorted(maps.Values(e.Locations))
	switch len(reasons) {
	case 0:
		return "nginx refused the configuration"
	case 1:
		return "nginx refused a route: " + reasons[0]
	}
	return fmt.Sprintf("nginx refused %d routes; one of them: %s", len(reasons), reasons[0])
}
