package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ErrTooLong: it would take more commits than the limits allow to know.
var ErrTooLong = errors.New("the history is too long")

// Descends says whether the ancestor is in the history of the commit. History is
// fetched as far back as it takes to know; with whole, until nothing that is in the
// commit's history and not in the ancestor's is missing. The ref is the name the
// commit was fetched by.
func (m *Mirror) Descends(ctx context.Context, commit, ancestor, ref string, whole bool) (bool, error) {
	for deepen, looked := 50, 0; ; deepen *= 4 {
		descends, err := m.Reaches(ctx, commit, ancestor)
		if err != nil || descends && !whole {
			return descends, err
		}
		cut, err := m.cutShort(ctx, commit, ancestor)
		if err != nil || !cut {
			return descends, err
		}
		if looked >= m.Limits.Commits {
			return false, fmt.Errorf("%w: the accepted revision is not among the last %d commits", ErrTooLong, m.Limits.Commits)
		}
		m.sweep()
		deepen = min(deepen, m.Limits.Commits-looked)
		looked += deepen
		args := append(m.fetchArgs(), fmt.Sprintf("--deepen=%d", deepen), "--end-of-options", "origin", "+"+ref+":refs/havn/deep")
		if _, err := m.output(ctx, call{args: args, remote: true}); err != nil {
			m.sweep()
			return false, err
		}
	}
}

// Reaches says whether what is known of the commit's history holds the ancestor.
func (m *Mirror) Reaches(ctx context.Context, commit, ancestor string) (bool, error) {
	if !m.known(ctx, ancestor) {
		return false, nil
	}
	_, err := m.output(ctx, call{args: []string{"merge-base", "--is-ancestor", "--end-of-options", ancestor, commit}})
	var f *Failure
	if errors.As(err, &f) && f.Exit == 1 {
		return false, nil
	}
	return err == nil, err
}

// cutShort: the known history ends, by being shallow, at a commit below which the
// ancestor could be, or other commits that it does not know.
func (m *Mirror) cutShort(ctx context.Context, commit, ancestor string) (bool, error) {
	text, err := os.ReadFile(filepath.Join(m.dir(), "shallow"))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	args := []string{"rev-list", "--max-parents=0", commit}
	if m.known(ctx, ancestor) {
		// What is below a cut in the ancestor's own history is its past.
		args = append(args, "--not", ancestor)
	}
	roots, err := m.output(ctx, call{args: args})
	if err != nil {
		return false, err
	}
	for root := range strings.FieldsSeq(string(roots)) {
		if strings.Contains(string(text), root) {
			return true, nil
		}
	}
	return false, nil
}

// Between lists the commits in the history of the commit and not in that of the
// ancestor, the newest first; with ancestor "", the commit alone.
func (m *Mirror) Between(ctx context.Context, ancestor, commit string) ([]string, error) {
	if ancestor == "" {
		return []string{commit}, nil
	}
	out, err := m.output(ctx, call{args: []string{"rev-list", fmt.Sprintf("--max-count=%d", m.Limits.Commits+1), commit, "--not", ancestor}, max: 128 * (m.Limits.Commits + 1)})
	if err != nil {
		return nil, err
	}
	commits := strings.Fields(string(out))
	if len(commits) > m.Limits.Commits {
		return nil, fmt.Errorf("%w: there are more than %d commits since the accepted revision", ErrTooLong, m.Limits.Commits)
	}
	return commits, nil
}
