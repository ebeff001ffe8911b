package gitops

import (
	"context"
	"errors"
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

// A memory is one that lasts as long as the test.
type memory struct {
	accepted *Accepted
	fault    error
}

func (m *memory) Accepted() (Accepted, bool, error) {
	if m.accepted == nil {
		return Accepted{}, false, m.fault
	}
	return *m.accepted, true, m.fault
}

func (m *memory) Accept(a Accepted) error {
	if m.fault == nil {
		m.accepted = &a
	}
	return m.fault
}

// A follower is a Git whose polls the test makes itself.
type follower struct {
	t testing.TB
	*Git
	memory *memory
	got    []Revision
}

func options(t testing.TB, url string) GitOptions {
	limits := git.DefaultLimits()
	// A machine under load takes its time.
	limits.Local, limits.Remote = 2*time.Minute, 2*time.Minute
	o := GitOptions{
		Remote: git.Remote{URL: url}, Ref: git.Ref{Branch: "main"}, Trust: trust.Policy{Mode: trust.None},
		Memory: &memory{}, Limits: limits, Log: slog.New(slog.DiscardHandler),
	}
	if t != nil {
		o.State = filepath.Join(t.TempDir(), "state")
	}
	return o
}

func follow(t testing.TB, o GitOptions) *follower {
	t.Helper()
	g, err := NewGit(o)
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{t: t, Git: g, memory: o.Memory.(*memory)}
	f.resume(f.take)
	return f
}

// again is the source after a restart of the process.
func (f *follower) again() *follower {
	f.t.Helper()
	return follow(f.t, f.GitOptions)
}

func (f *follower) take(r Revision) { f.got = append(f.got, r) }

func (f *follower) ask() error {
	err := f.poll(f.t.Context(), f.take)
	f.note(err)
	return err
}

// accepts polls, and wants the commit delivered.
func (f *follower) accepts(commit string) Revision {
	f.t.Helper()
	if err := f.ask(); err != nil {
		f.t.Fatalf("poll: %v", err)
	}
	if len(f.got) == 0 || f.got[len(f.got)-1].Commit != commit {
		f.t.Fatalf("delivered %v, not %s", f.got, commit)
	}
	if a := f.memory.accepted; a == nil || a.Commit != commit {
		f.t.Fatalf("remembered %v, not %s", a, commit)
	}
	return f.got[len(f.got)-1]
}

// holds polls, and wants nothing delivered and the words in the reason.
func (f *follower) holds(words ...string) *Held {
	f.t.Helper()
	before := len(f.got)
	err := f.ask()
	var held *Held
	if !errors.As(err, &held) {
		f.t.Fatalf("poll: %v: not held", err)
	}
	if len(f.got) != before {
		f.t.Fatalf("delivered %v though it is held", f.got[before:])
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			f.t.Errorf("the reason %q does not say %q", err, w)
		}
	}
	if f.Status().Held != held {
		f.t.Errorf("the status does not show what is held")
	}
	return held
}

// fails polls, and wants an error with the words in it.
func (f *follower) fails(words ...string) error {
	f.t.Helper()
	before := len(f.got)
	err := f.ask()
	var held *Held
	if err == nil || errors.As(err, &held) {
		f.t.Fatalf("poll: %v: it should have failed", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			f.t.Errorf("the error %q does not say %q", err, w)
		}
	}
	if len(f.got) != before {
		f.t.Fatalf("delivered %v", f.got[before:])
	}
	return err
}

func contentOf(t testing.TB, r Revision, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.Dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var spec = map[string]string{"site.cue": "package site\n"}

func TestGitDeliversCommits(t *testing.T) {
	r := origin.New(t)
	first := r.Commit(map[string]string{"site.cue": "package site\n", "web/web.cue": "package web\n", "tool.sh": "#!/bin/sh\n"})
	f := follow(t, options(t, r.URL()))
	rev := f.accepts(first)
	if rev.ID != first || rev.Subject != "a change" || rev.Author != "Anna" || rev.Time.IsZero() {
		t.Errorf("revision %+v", rev)
	}
	if got := contentOf(t, rev, "web/web.cue"); got != "package web\n" {
		t.Errorf("web.cue = %q", got)
	}
	if err := os.WriteFile(filepath.Join(rev.Dir, "site.cue"), nil, 0o644); os.Getuid() != 0 && err == nil {
		t.Error("the directory can be written to")
	}
	if i, err := os.Stat(rev.Dir); err != nil || i.Mode().Perm() != 0o555 {
		t.Errorf("mode %v, %v", i.Mode(), err)
	}
	if err := f.ask(); err != nil || len(f.got) != 1 {
		t.Fatalf("a poll without a change delivered %v, %v", f.got, err)
	}
	second := r.Commit(map[string]string{"site.cue": "package site\nx: 1\n", "tool.sh": ""})
	rev = f.accepts(second)
	if got := contentOf(t, rev, "site.cue"); got != "package site\nx: 1\n" {
		t.Errorf("site.cue = %q", got)
	}
	if _, err := os.Stat(filepath.Join(rev.Dir, "tool.sh")); !os.IsNotExist(err) {
		t.Errorf("tool.sh is still there: %v", err)
	}
	third := r.Commit(nil)
	if same := f.accepts(third); same.Dir != rev.Dir {
		t.Errorf("equal content in %s and %s", same.Dir, rev.Dir)
	}
}

func TestGitFollowsAPath(t *testing.T) {
	r := origin.New(t)
	files := map[string]string{"hosts/web1/site.cue": "package a\n", "hosts/web2/site.cue": "package b\n", "README": "hello\n"}
	first := r.Commit(files)
	if err := os.Symlink("/etc/passwd", filepath.Join(r.Dir, "hosts", "web2", "link")); err != nil {
		t.Fatal(err)
	}
	second := r.Commit(nil)
	o := options(t, r.URL())
	o.Path = "hosts/web1"
	f := follow(t, o)
	rev := f.accepts(second)
	if got := contentOf(t, rev, "site.cue"); got != "package a\n" {
		t.Errorf("site.cue = %q", got)
	}
	if _, err := os.Stat(filepath.Join(rev.Dir, "README")); !os.IsNotExist(err) {
		t.Error("what is outside of the path is there, too")
	}
	// What the other host's files are is no matter of this one.
	o.Path, o.State, o.Memory = "hosts/web2", filepath.Join(t.TempDir(), "state"), &memory{}
	follow(t, o).holds(`"link"`, "symbolic link")
	if first == second {
		t.Fatal("two commits are one")
	}
}

func TestGitFollowsTagsVersionsAndCommits(t *testing.T) {
	r := origin.New(t)
	one := r.Commit(map[string]string{"site.cue": "package site\na: 1\n"})
	r.Git("tag", "v1.0.0")
	two := r.Commit(map[string]string{"site.cue": "package site\na: 2\n"})
	r.Git("tag", "-a", "-m", "annotated", "v1.1.0")
	three := r.Commit(map[string]string{"site.cue": "package site\na: 3\n"})
	r.Git("tag", "v1.2.0-rc.1")
	r.Git("tag", "v2.0.0")
	for _, c := range []struct {
		ref  git.Ref
		want string
	}{
		{git.Ref{Tag: "v1.0.0"}, one},
		{git.Ref{Tag: "v1.1.0"}, two},
		{git.Ref{Semver: "^1"}, two},
		{git.Ref{Semver: ">=1.0.0-0"}, three},
		{git.Ref{Commit: one}, one},
	} {
		t.Run(c.ref.String(), func(t *testing.T) {
			o := options(t, r.URL())
			o.Ref = c.ref
			follow(t, o).accepts(c.want)
		})
	}
	o := options(t, r.URL())
	o.Ref = git.Ref{Semver: "~1.0"}
	f := follow(t, o)
	f.accepts(one)
	r.Git("tag", "v1.0.1", two)
	f.accepts(two)
	r.Git("tag", "-d", "v1.0.1")
	f.holds("older than the accepted revision")
	r.Git("tag", "-d", "v1.0.0")
	f.holds("no tags ~1.0")
}

func TestGitRunDeliversAndEnds(t *testing.T) {
	r := origin.New(t)
	first := r.Commit(spec)
	g := follow(t, options(t, r.URL())).Git
	g.pace.spacing = time.Millisecond
	revisions := make(chan Revision, 8)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- g.Run(ctx, func(r Revision) { revisions <- r }) }()
	if rev := <-revisions; rev.Commit != first {
		t.Fatalf("delivered %v", rev)
	}
	second := r.Commit(map[string]string{"site.cue": "package site\nx: 1\n"})
	g.Poke()
	if rev := <-revisions; rev.Commit != second {
		t.Fatalf("delivered %v", rev)
	}
	s := g.Status()
	if s.Accepted.Commit != second || s.Contact.IsZero() || s.Err != nil || s.Held != nil {
		t.Errorf("status %+v", s)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}
