package gitops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"havn.internal/gitops/git"
	"havn.internal/gitops/trust"
)

// resume delivers the revision accepted before, from what is on disk: the remote
// may be away for days, or be served by what havn runs.
func (g *Git) resume(deliver func(Revision)) {
	a, ok, err := g.Memory.Accepted()
	if err != nil || !ok {
		return
	}
	g.mu.Lock()
	g.status.Accepted = a
	g.mu.Unlock()
	if a.Source != g.source() || a.Path != g.Path {
		return
	}
	if dir, ok := g.store.whole(a.Tree); ok {
		g.store.clean(a.Tree) // a havn that ended right after it had accepted did not
		g.deliver(a, dir, "", deliver)
	}
}

func (g *Git) deliver(a Accepted, dir, unchanged string, deliver func(Revision)) {
	g.delivered = a.Commit
	deliver(Revision{ID: a.Commit, Dir: dir, Inside: a.Inside, Same: unchanged, Commit: a.Commit, Subject: a.Subject, Author: a.Author, Time: a.Time, Signer: a.Signer, Took: g.took})
}

// poll asks the remote once, and delivers what it may.
func (g *Git) poll(ctx context.Context, deliver func(Revision)) error {
	g.took, g.since = Took{}, time.Now()
	if err := g.mirror.Open(); err != nil {
		return err
	}
	name, id, err := g.mirror.Resolve(ctx, g.Ref)
	if errors.Is(err, git.ErrNoRef) {
		g.contact()
		g.seen = ""
		push := "push it"
		if g.Status().Accepted.Commit != "" {
			push = "push it again"
		}
		return &Held{Why: fmt.Sprintf("the repository has no %s", g.Ref), Do: push + ", or follow another one"}
	}
	if err != nil {
		return err
	}
	if g.Ref.Commit == "" {
		g.contact()
	}
	g.took.Ask = g.lap()
	held, asked := g.Status().Held, g.wasAsked()
	if id == g.seen && time.Now().Before(g.again) && (held == nil || !asked && !g.agreed(held.Commit)) {
		if held != nil {
			return held
		}
		return nil
	}
	err = g.take(ctx, name, id, deliver)
	g.seen, g.again = "", time.Now().Add(secondLook)
	if err == nil || errors.As(err, &held) && held.final {
		g.seen = id
	}
	return err
}

// take fetches and judges. When the mirror may be to blame for an error, it is made
// anew, once: what is wrong then, is wrong with the remote.
func (g *Git) take(ctx context.Context, name, id string, deliver func(Revision)) error {
	commit, err := g.mirror.Fetch(ctx, name, id)
	if err == nil {
		g.contact()
		g.took.Fetch = g.lap()
		err = g.judge(ctx, name, commit, deliver)
	}
	if ctx.Err() == nil && g.mirror.Doubted(err) {
		g.Log.Debug("the git mirror may be damaged; it is made anew", "err", err)
		if commit, err = g.mirror.Renew(ctx, name, id); err == nil {
			g.took.Fetch += g.lap()
			err = g.judge(ctx, name, commit, deliver)
		}
	}
	var f *git.Failure
	if errors.As(err, &f) && f.Fault == git.OfCommit {
		return &Held{Commit: cmp.Or(commit, id), Why: err.Error(), Do: remedy(f, cmp.Or(commit, id)), final: true}
	}
	return err
}

// refusedObject is how git's check names an object.
var refusedObject = regexp.MustCompile(`object ([0-9a-f]{40,64}): `)

// remedy says how a commit becomes one that git takes.
func remedy(f *git.Failure, commit string) string {
	if named := refusedObject.FindStringSubmatch(f.What); named != nil {
		return fmt.Sprintf("push a revision without that object; in a clone `git ls-tree -rt %.12s | grep %s` shows where it is, "+
			"and `git fsck --strict` names it", commit, named[1])
	}
	return "push a revision that git accepts (git fsck --strict), with small files and a history that is not large"
}

// judge takes a fetched commit through every check, and delivers it.
func (g *Git) judge(ctx context.Context, name, commit string, deliver func(Revision)) error {
	last, ok, err := g.Memory.Accepted()
	if err != nil {
		return fmt.Errorf("recall the accepted revision: %w", err)
	}
	same := ok && last.Source == g.source()
	if same && last.Commit == commit && last.Path == g.Path && g.delivered == commit {
		return nil
	}
	c, err := g.mirror.Read(ctx, commit)
	if err != nil {
		return err
	}
	since := ""
	if same && last.Commit != commit {
		since = last.Commit
		if err := g.order(ctx, name, commit, since); err != nil {
			return err
		}
		if g.agreed(commit) {
			since = "" // a person looked at what comes with it
		}
	}
	signer, err := g.trusted(ctx, since, commit)
	if err != nil {
		return err
	}
	g.took.Judge = g.lap()
	part, dir, err := g.export(ctx, commit)
	if err != nil {
		return err
	}
	g.took.Export = g.lap()
	a := Accepted{
		Commit: commit, Tree: part.Tree, Inside: part.Inside, Source: g.source(), Path: g.Path,
		Subject: c.Subject, Author: c.Author, Signer: signer, Time: c.Time, At: time.Now().UTC(),
	}
	if err := g.Memory.Accept(a); err != nil {
		return fmt.Errorf("remember revision %.12s: %w", commit, err)
	}
	g.mu.Lock()
	g.status.Accepted, g.consent = a, ""
	g.mu.Unlock()
	g.store.clean(part.Tree)
	unchanged := ""
	if same && g.Path != "" && last.Commit != commit && last.Path == a.Path && last.Tree == a.Tree && last.Inside == a.Inside {
		unchanged = last.Commit
	}
	g.deliver(a, dir, unchanged, deliver)
	return nil
}

// order holds what does not descend from the accepted revision.
func (g *Git) order(ctx context.Context, name, commit, last string) error {
	if g.Ref.Commit != "" || g.agreed(commit) {
		return nil // named by this host, or by a person
	}
	descends, err := g.mirror.Descends(ctx, commit, last, name, g.Trust.Mode == trust.Every)
	if errors.Is(err, git.ErrTooLong) {
		return &Held{Commit: commit, Why: err.Error(), Do: accept(commit), Acceptable: true}
	}
	if err != nil || descends {
		return err
	}
	older, err := g.mirror.Reaches(ctx, last, commit)
	return &Held{Commit: commit, Why: g.disorder(name, last, err == nil && older), Do: accept(commit), Acceptable: true}
}

// disorder says why a commit that does not descend from the last one came in its place.
func (g *Git) disorder(name, last string, older bool) string {
	tag := strings.TrimPrefix(name, "refs/tags/")
	switch {
	case g.Ref.Semver != "" && older:
		return fmt.Sprintf("it is older than the accepted revision %.12s; %s is the newest of the %s now, so a newer tag was removed or moved", last, tag, g.Ref)
	case g.Ref.Semver != "":
		return fmt.Sprintf("it does not descend from the accepted revision %.12s: %s is a release of another branch, as the one after "+
			"a maintenance release is, or a tag was moved; what only the accepted one has would be gone", last, tag)
	case g.Ref.Tag != "":
		return fmt.Sprintf("it does not descend from the accepted revision %.12s; the %s was moved", last, g.Ref)
	case older:
		return fmt.Sprintf("it is older than the accepted revision %.12s; the %s was set back", last, g.Ref)
	}
	return fmt.Sprintf("it does not descend from the accepted revision %.12s; the %s was rewritten or set back", last, g.Ref)
}

func accept(commit string) string {
	return fmt.Sprintf("if that is meant: havn accept %.12s", commit)
}

// trusted holds what is not signed as the policy asks.
func (g *Git) trusted(ctx context.Context, since, commit string) (signer string, err error) {
	if g.Trust.Mode == trust.None {
		return "", nil
	}
	commits := []string{commit}
	if g.Trust.Mode == trust.Every {
		commits, err = g.mirror.Between(ctx, since, commit)
		if errors.Is(err, git.ErrTooLong) {
			return "", &Held{Commit: commit, Why: err.Error(), Do: accept(commit), Acceptable: true}
		}
		if err != nil {
			return "", err
		}
	}
	for _, id := range commits {
		v, err := g.Trust.Judge(ctx, g.mirror, id, time.Now())
		if err != nil {
			return "", err
		}
		if !v.Trusted {
			return "", &Held{Commit: commit, Why: v.String(), Do: "sign it with a key this host knows, or add the key on this host (havn trust show)"}
		}
		if id == commit {
			signer = v.Signer
		}
	}
	return signer, nil
}

// export puts the spec of a commit on disk. What a spec may not hold, holds it.
func (g *Git) export(ctx context.Context, commit string) (part git.Part, dir string, err error) {
	part, err = g.mirror.Part(ctx, commit, g.Path, g.Around)
	if err == nil {
		dir, err = g.store.export(ctx, g.mirror, part)
	}
	var refused *git.Refused
	switch {
	case errors.As(err, &refused):
		return part, "", &Held{Commit: commit, Why: refused.Error(), Do: "push a revision without that", final: true}
	case errors.Is(err, git.ErrNoPath):
		return part, "", &Held{Commit: commit, Why: fmt.Sprintf("it has no directory %s", g.Path), Do: "push it again, or follow another path; `havn down` is what stops a site", final: true}
	}
	return part, dir, err
}
