package gitops

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"havn.internal/gitops/origin"
)

// files lists the regular files below dir.
func files(t testing.TB, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A mirror that is damaged in any way heals with the next revision, and the
// accepted one is not forgotten.
func TestDamagedMirrorHeals(t *testing.T) {
	damage := map[string]func(t *testing.T, mirror string){
		"removed":           func(t *testing.T, m string) { check(t, os.RemoveAll(m)) },
		"HEAD emptied":      func(t *testing.T, m string) { check(t, os.WriteFile(filepath.Join(m, "HEAD"), nil, 0o644)) },
		"objects removed":   func(t *testing.T, m string) { check(t, os.RemoveAll(filepath.Join(m, "objects"))) },
		"packs emptied":     func(t *testing.T, m string) { overwrite(t, m, ".pack", 0) },
		"packs cut short":   func(t *testing.T, m string) { overwrite(t, m, ".pack", 40) },
		"packs overwritten": func(t *testing.T, m string) { overwrite(t, m, ".pack", -1) },
		"indexes removed": func(t *testing.T, m string) {
			for _, f := range files(t, m) {
				if strings.HasSuffix(f, ".idx") {
					check(t, os.Remove(f))
				}
			}
		},
		// What the first commit brought is needed by those after it, and not sent again.
		"the first pack removed": func(t *testing.T, m string) {
			oldest, at := "", time.Now()
			for _, f := range files(t, m) {
				if i, err := os.Stat(f); err == nil && strings.HasSuffix(f, ".pack") && i.ModTime().Before(at) {
					oldest, at = strings.TrimSuffix(f, ".pack"), i.ModTime()
				}
			}
			for _, suffix := range []string{".pack", ".idx", ".promisor"} {
				_ = os.Remove(oldest + suffix)
			}
		},
		"refs garbled": func(t *testing.T, m string) {
			check(t, os.WriteFile(filepath.Join(m, "refs/havn/tip"), []byte("???\n"), 0o644))
		},
		"shallow garbled": func(t *testing.T, m string) {
			check(t, os.WriteFile(filepath.Join(m, "shallow"), []byte("???\n"), 0o644))
		},
		"config garbled": func(t *testing.T, m string) { check(t, os.WriteFile(filepath.Join(m, "config"), []byte("[[["), 0o644)) },
		"locked": func(t *testing.T, m string) {
			for _, name := range []string{"shallow.lock", "refs/havn/tip.lock", "config.lock", "packed-refs.lock"} {
				check(t, os.WriteFile(filepath.Join(m, name), nil, 0o644))
			}
		},
		"all emptied": func(t *testing.T, m string) { overwrite(t, m, "", 0) },
	}
	for name, do := range damage {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := origin.New(t)
			f := follow(t, options(t, r.URL()))
			r.Commit(map[string]string{"stays.cue": "package site\n", "site.cue": "package site\n"})
			f.accepts(r.Commit(site(1)))
			f.accepts(r.Commit(site(2)))
			do(t, filepath.Join(f.State, "mirror.git"))
			f = f.again()
			f = f.again()
			if len(f.got) != 1 {
				t.Fatalf("the accepted revision is gone with the mirror: %v", f.got)
			}
			r.Commit(site(3))
			f.accepts(r.Commit(site(4)))
			f.accepts(r.Commit(site(5)))
			r.Git("reset", "-q", "--hard", "HEAD~3")
			r.Commit(site(6))
			f.holds("does not descend")
		})
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// overwrite cuts files to a length, or with -1 inverts their middle.
func overwrite(t *testing.T, dir, suffix string, length int64) {
	t.Helper()
	for _, f := range files(t, dir) {
		if !strings.HasSuffix(f, suffix) {
			continue
		}
		check(t, os.Chmod(f, 0o644))
		if length >= 0 {
			check(t, os.Truncate(f, length))
			continue
		}
		text, err := os.ReadFile(f)
		check(t, err)
		for i := 12; i < len(text)-20; i++ {
			text[i] ^= 0xff
		}
		check(t, os.WriteFile(f, text, 0o644))
	}
}

// The history between is fetched as far back as it takes, also after the mirror
// was made anew.
func TestHistoryIsFetchedAsFarAsNeeded(t *testing.T) {
	r := origin.New(t)
	for i := range 5 {
		r.Commit(site(i))
	}
	o := options(t, r.URL())
	f := follow(t, o)
	f.accepts(r.Commit(site(9)))
	for i := range 130 {
		r.Git("commit", "-q", "--allow-empty", "-m", "commit")
		_ = i
	}
	check(t, os.RemoveAll(filepath.Join(o.State, "mirror.git")))
	f.accepts(r.Head())
	o.Limits.Commits = 100
	f.Limits, f.mirror.Limits = o.Limits, o.Limits
	for range 120 {
		r.Git("commit", "-q", "--allow-empty", "-m", "commit")
	}
	check(t, os.RemoveAll(filepath.Join(o.State, "mirror.git")))
	held := f.holds("not among the last 100 commits", "havn accept")
	check(t, f.Accept(held.Commit))
	f.accepts(held.Commit)
	for range 90 {
		r.Git("commit", "-q", "--allow-empty", "-m", "commit")
	}
	check(t, os.RemoveAll(filepath.Join(o.State, "mirror.git")))
	f.accepts(r.Head())
}

// A poll that is killed at any moment leaves nothing that stops the next one.
func TestPollsThatAreCutShort(t *testing.T) {
	r := origin.New(t)
	f := follow(t, options(t, r.URL()))
	f.accepts(r.Commit(site(0)))
	begin := time.Now()
	f.accepts(r.Commit(site(1)))
	whole := time.Since(begin)
	for i := range 20 {
		r.Commit(site(i + 2))
		ctx, cancel := context.WithTimeout(t.Context(), whole*time.Duration(i)/20)
		_ = f.poll(ctx, f.take)
		cancel()
	}
	f.accepts(r.Commit(site(99)))
	if left, _ := filepath.Glob(filepath.Join(f.State, ".git_*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestSlowServerIsLeft(t *testing.T) {
	r := origin.New(t)
	first := r.Commit(site(0))
	web := r.Serve()
	o := options(t, web.Address())
	o.Remote.CAFile = web.CAFile
	f := follow(t, o)
	f.accepts(first)
	hang, release := hanging()
	web.Before.Store(&hang)
	f.mirror.Limits.Remote = time.Second
	f.fails("takes longer than 1s")
	release()
	web.Before.Store(nil)
	f.mirror.Limits.Remote = o.Limits.Remote
	f.accepts(r.Commit(site(1)))
}
