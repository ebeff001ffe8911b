package gitops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"havn.internal/gitops/git"
)

// A store keeps revisions on disk, each in a directory named by its tree: equal
// content is there once.
type store struct {
	dir  string
	keep int
}

func (s *store) path(tree string) string { return filepath.Join(s.dir, tree) }

// whole: the revision is there, and is what its name says.
func (s *store) whole(tree string) (string, bool) {
	if !git.IsID(tree) {
		return "", false
	}
	id, err := git.TreeID(s.path(tree), len(tree))
	return s.path(tree), err == nil && id == tree
}

// export returns the directory of a part of a commit, and makes it if need be.
func (s *store) export(ctx context.Context, m *git.Mirror, part git.Part) (string, error) {
	tree := part.Tree
	if dir, ok := s.whole(tree); ok {
		// It counts as new again.
		_ = os.Chtimes(dir, time.Time{}, time.Now())
		return dir, nil
	}
	if err := errors.Join(os.MkdirAll(s.dir, 0o755), git.Remove(s.path(tree))); err != nil {
		return "", fmt.Errorf("export: %w", err)
	}
	return s.path(tree), m.Export(ctx, part, s.path(tree))
}

// sweep removes what an export that was killed has left.
func (s *store) sweep() {
	left, _ := filepath.Glob(filepath.Join(s.dir, ".export-*"))
	for _, dir := range left {
		_ = git.Remove(dir)
	}
}

// clean removes all but the accepted revision and the newest others.
func (s *store) clean(accepted string) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	age := func(e os.DirEntry) time.Time {
		i, err := e.Info()
		if err != nil {
			return time.Time{}
		}
		return i.ModTime()
	}
	slices.SortStableFunc(entries, func(a, b os.DirEntry) int { return age(b).Compare(age(a)) })
	kept := 0
	for _, e := range entries {
		if e.Name() == accepted || !git.IsID(e.Name()) {
			continue
		}
		if kept++; kept > s.keep {
			_ = git.Remove(filepath.Join(s.dir, e.Name()))
		}
	}
}
