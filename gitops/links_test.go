package gitops_test

import (
	"os"
	"path/filepath"
	"testing"
)

// Links on the way to the directory are switched, as tools that deploy releases
// do.
func TestLinkIsSwitched(t *testing.T) {
	for name, c := range map[string]struct{ link, path string }{
		"the last part":     {"current", "current"},
		"a part before it":  {"current", "current/deploy"},
		"beside the target": {"releases/current", "releases/current/deploy"},
	} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			sub := ""
			if filepath.Base(c.path) == "deploy" {
				sub = "deploy"
			}
			for release, text := range map[string]string{"41": first, "42": second} {
				write(t, filepath.Join(base, "releases", release, sub, "web.cue"), text)
			}
			link := filepath.Join(base, c.link)
			target := func(release string) string {
				if filepath.Dir(c.link) == "releases" {
					return release
				}
				return "releases/" + release
			}
			must(t, os.Symlink(target("41"), link))
			f := follow(t, filepath.Join(base, c.path))
			f.until(first)
			for _, step := range []struct{ release, text, before string }{
				{"42", second, first}, {"41", first, second}, {"42", second, first},
			} {
				must(t, os.Symlink(target(step.release), link+".new"))
				must(t, os.Rename(link+".new", link))
				_, d := f.until(step.text, step.before)
				if want := filepath.Join(base, "releases", step.release, sub); d.Dir != want {
					t.Errorf("it lies in %s, want %s", d.Dir, want)
				}
			}
			must(t, os.RemoveAll(filepath.Join(base, "releases", "42")))
			f.problem("no such file")
			must(t, os.Remove(link))
			must(t, os.Symlink(target("41"), link))
			f.problem("")
			f.until(first)
		})
	}
}

func TestLinkThatGoesInCircles(t *testing.T) {
	base := t.TempDir()
	link := filepath.Join(base, "a")
	must(t, os.Symlink("b", link))
	must(t, os.Symlink("a", filepath.Join(base, "b")))
	f := follow(t, link)
	f.problem("too many links")
	must(t, os.Remove(link))
	write(t, filepath.Join(link, "web.cue"), first)
	f.until(first)
}

// Git changes many files one by one; what lies between is no revision.
func TestGitCheckout(t *testing.T) {
	for name, dir := range map[string]string{"the whole repository": ".", "a directory of it": "deploy"} {
		t.Run(name, func(t *testing.T) {
			repo := t.TempDir()
			git(t, repo, "init", "--quiet", "--initial-branch=main")
			spec := filepath.Join(repo, dir)
			for _, text := range []string{first, second} {
				write(t, filepath.Join(spec, "web.cue"), text)
				for _, name := range []string{"a", "b", "c/d", "z"} {
					write(t, filepath.Join(spec, name+".cue"), "// "+text)
				}
				git(t, repo, "add", "--all")
				git(t, repo, "commit", "--quiet", "--message=change")
			}
			f := follow(t, spec)
			f.until(second)
			for range 3 {
				git(t, repo, "checkout", "--quiet", "HEAD~1")
				if n, _ := f.until(first, second); n != 1 {
					t.Errorf("a checkout was %d revisions", n)
				}
				git(t, repo, "checkout", "--quiet", "main")
				if n, _ := f.until(second, first); n != 1 {
					t.Errorf("a checkout was %d revisions", n)
				}
			}
		})
	}
}

// While git holds its lock, nothing is delivered.
func TestGitIsAtWork(t *testing.T) {
	repo := t.TempDir()
	git(t, repo, "init", "--quiet", "--initial-branch=main")
	write(t, filepath.Join(repo, "web.cue"), first)
	git(t, repo, "add", "--all")
	git(t, repo, "commit", "--quiet", "--message=change")
	work := filepath.Join(t.TempDir(), "work")
	git(t, repo, "worktree", "add", "--quiet", work)
	f := follow(t, work)
	f.until(first)
	lock := filepath.Join(repo, ".git", "worktrees", "work", "index.lock")
	write(t, lock, "")
	write(t, filepath.Join(work, "web.cue"), "// half\n"+first)
	writeSlowly(t, filepath.Join(work, "web.cue"), second)
	must(t, os.Remove(lock))
	f.until(second)
}
