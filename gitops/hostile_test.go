package gitops

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"havn.internal/gitops/git"
	"havn.internal/gitops/origin"
)

// A hostile is one way for a remote to be evil.
type hostile struct {
	name string
	// do makes main evil. What it plants touches the canary when it is run.
	do func(r *origin.Repo, canary string)
	// says is in the error; a hostile without it does no harm, and is accepted.
	says string
}

func runAll(t *testing.T, all []hostile) {
	for _, h := range all {
		t.Run(h.name, h.run)
	}
}

// run wants a clear error, the last accepted revision untouched, nothing written
// anywhere, nothing run, and the next honest revision accepted.
func (h hostile) run(t *testing.T) {
	t.Parallel()
	r := origin.New(t)
	canary := filepath.Join(t.TempDir(), "canary")
	o := options(t, r.URL())
	o.Limits.Files, o.Limits.FileSize, o.Limits.Size, o.Limits.Pack = 100, 64<<10, 256<<10, 8<<20
	f := follow(t, o)
	first := r.Commit(site(1))
	accepted := f.accepts(first)
	around := listing(t, filepath.Dir(o.State))

	h.do(r, canary)
	err := f.ask()
	if h.says != "" {
		f.refused(err, h.says, first)
	} else if err != nil {
		t.Errorf("refused, though it does no harm: %v", err)
	}
	if _, err := os.Stat(canary); err == nil {
		t.Error("something of the remote was run")
	}
	if now := listing(t, filepath.Dir(o.State)); !slices.Equal(now, around) {
		t.Errorf("what is around changed from %q to %q", around, now)
	}
	if id, err := git.TreeID(accepted.Dir, 40); err != nil || id != filepath.Base(accepted.Dir) {
		t.Errorf("the accepted revision was touched: %s, %v", id, err)
	}

	r.Git("update-ref", "refs/heads/main", first)
	r.Git("reset", "-q", "--hard")
	if h.says == "" {
		f.memory.accepted.Commit = first
	}
	f.accepts(r.Commit(site(2)))
}

// refused: one clear line, and nothing accepted.
func (f *follower) refused(err error, says, first string) {
	f.t.Helper()
	switch {
	case err == nil:
		f.t.Fatalf("accepted %s", f.memory.accepted.Commit)
	case !strings.Contains(err.Error(), says):
		f.t.Errorf("the error %q does not say %q", err, says)
	case strings.ContainsFunc(err.Error(), func(c rune) bool { return c < ' ' || c == 0x7f }):
		f.t.Errorf("the error %q holds control characters", err)
	case len(err.Error()) > 1000:
		f.t.Errorf("the error is %d bytes long", len(err.Error()))
	}
	if len(f.got) != 1 || f.memory.accepted.Commit != first {
		f.t.Fatalf("delivered %v, accepted %s", f.got, f.memory.accepted.Commit)
	}
}

// listing is what is in dir, and in the state directory below it but for the
// insides of the mirror and the revisions.
func listing(t testing.TB, dir string) (names []string) {
	t.Helper()
	for _, sub := range []string{"", "state"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		check(t, err)
		for _, e := range entries {
			names = append(names, filepath.Join(sub, e.Name()))
		}
	}
	for _, path := range files(t, filepath.Join(dir, "state", "mirror.git")) {
		if name := filepath.Base(path); strings.HasPrefix(name, "tmp_") || strings.HasSuffix(name, ".lock") {
			names = append(names, name)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, "state", "revisions", ".*"))
	return append(names, left...)
}
