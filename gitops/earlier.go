package gitops

import (
	"context"
	"errors"
)

// ErrNotEarlier: a commit is not one that came before the accepted one.
var ErrNotEarlier = errors.New("not an earlier accepted revision")

// Earlier is a commit that the accepted one descends from, to go back to. Only what
// was fetched is looked at.
func (g *Git) Earlier(ctx context.Context, commit string) (Revision, error) {
	id, err := g.mirror.Find(ctx, commit)
	if err != nil {
		return Revision{}, err
	}
	accepted := g.Status().Accepted.Commit
	if accepted == "" {
		return Revision{}, ErrNotEarlier
	}
	descends, err := g.mirror.Reaches(ctx, accepted, id)
	if err != nil {
		return Revision{}, err
	}
	if !descends {
		return Revision{}, ErrNotEarlier
	}
	return g.At(ctx, id)
}
