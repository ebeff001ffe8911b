package gitops

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"havn.internal/gitops/git"
	"havn.internal/gitops/origin"
	"havn.internal/gitops/trust"
)

// A problem is told once, another one again, and its end, too.
func TestProblemsAreToldOnce(t *testing.T) {
	r := origin.New(t)
	var told []string
	o := options(t, r.URL())
	o.Problem = func(err error) {
		if err == nil {
			told = append(told, "over")
			return
		}
		told = append(told, err.Error())
	}
	f := follow(t, o)
	good := r.Commit(site(1))
	f.accepts(good)
	r.Commit(map[string]string{"pointer.cue": lfsPointer})
	f.holds("LFS")
	f.holds("LFS")
	r.Git("reset", "-q", "--hard", good)
	r.Commit(map[string]string{"site.cue": ""})
	f.holds("no .cue files")
	f.accepts(r.Commit(site(2)))
	f.accepts(r.Commit(site(3)))
	if len(told) != 3 || !strings.Contains(told[0], "LFS") || !strings.Contains(told[1], "no .cue") || told[2] != "over" {
		t.Errorf("told %q", told)
	}
}

// So it is for a directory, however often that is looked at.
func TestADirectorysProblemsAreToldOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	var told []string
	s := &source{
		Directory: Directory{Path: dir, Log: slog.New(slog.DiscardHandler), Problem: func(err error) { told = append(told, fmt.Sprint(err)) }},
		deliver:   func(Revision) {}, watcher: newWatcher(dir),
	}
	defer s.watcher.close()
	look := func() { s.look(t.Context()) }
	look()
	look()
	check(t, os.Mkdir(dir, 0o755))
	look()
	look()
	check(t, os.WriteFile(filepath.Join(dir, "site.cue"), []byte("package site"), 0o600))
	look()
	look()
	if len(told) != 3 || !strings.Contains(told[0], "no such file") || !strings.Contains(told[1], "no .cue") || told[2] != "<nil>" {
		t.Errorf("told %q", told)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, change := range map[string]func(*GitOptions){
		"no ref":           func(o *GitOptions) { o.Ref = git.Ref{} },
		"a path outside":   func(o *GitOptions) { o.Path = "../x" },
		"no policy":        func(o *GitOptions) { o.Trust = trust.Policy{} },
		"no keys":          func(o *GitOptions) { o.Trust.Mode = trust.Tip },
		"a bad URL":        func(o *GitOptions) { o.Remote.URL = "-x" },
		"a fast interval":  func(o *GitOptions) { o.Interval = time.Millisecond },
		"a relative state": func(o *GitOptions) { o.State = "state" },
	} {
		o := options(t, "file:///srv/site.git")
		change(&o)
		if _, err := NewGit(o); err == nil {
			t.Errorf("%s is let through", name)
		}
	}
	g, err := NewGit(options(t, "file:///srv/site.git"))
	if err != nil || g.Interval != usualInterval || g.Keep != usualKeep {
		t.Errorf("%+v, %v", g, err)
	}
}

// What nothing on this host can change is not fetched each minute.
func TestHeldContentIsNotFetchedAgain(t *testing.T) {
	r := origin.New(t)
	r.Commit(site(1))
	web := r.Serve()
	o := options(t, web.Address())
	o.Remote.CAFile = web.CAFile
	f := follow(t, o)
	f.accepts(r.Head())
	r.Git("update-ref", "--no-deref", "refs/heads/other", r.Git("commit-tree", "-m", "x", r.Tree(honest(r), honest(r))))
	r.Plant(mainRef, r.Git("rev-parse", "refs/heads/other")+"\n", 0o644)
	f.holds("duplicateEntries", "git ls-tree -rt ", "| grep "+r.Git("rev-parse", "refs/heads/other^{tree}"))
	before := web.Asked.Load()
	f.holds("duplicateEntries")
	if asked := web.Asked.Load() - before; asked > 2 {
		t.Errorf("asked %d times for what is known to be bad", asked)
	}
	// A webhook or a person has it looked at again at once.
	for name, ask := range map[string]func(){
		"a webhook": f.Poke,
		"a person": func() {
			if err := f.Accept(f.Status().Held.Commit); err == nil || !strings.Contains(err.Error(), "looked at again") {
				t.Errorf("accept: %v", err)
			}
		},
	} {
		ask()
		before = web.Asked.Load()
		f.holds("duplicateEntries")
		if asked := web.Asked.Load() - before; asked <= 2 {
			t.Errorf("%s: asked %d times only", name, asked)
		}
	}
	// After a while it is looked at again, and a restart forgets it, too.
	f.Git.again = time.Now()
	before = web.Asked.Load()
	f.holds("duplicateEntries")
	if asked := web.Asked.Load() - before; asked <= 2 {
		t.Errorf("asked %d times only", asked)
	}
	if left, _ := filepath.Glob(filepath.Join(f.State, "renewed")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}
