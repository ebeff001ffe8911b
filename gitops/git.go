package gitops

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"havn.internal/gitops/git"
	"havn.internal/gitops/trust"
)

// GitOptions describe a git remote as a source. Everything in them is of this host,
// and nothing of the repository.
type GitOptions struct {
	Remote git.Remote
	Ref    git.Ref
	// Path of the spec inside the repository; "" is its top.
	Path string
	// Around finds what a spec inside a CUE module is made of; if it is nil, a spec is
	// its directory alone.
	Around git.Around
	Trust  trust.Policy
	// Interval at which the remote is asked; a minute if 0.
	Interval time.Duration
	// State is a directory for this source alone.
	State string
	// Keep is how many revisions stay on disk beside the accepted one; 5 if 0.
	Keep   int
	Limits git.Limits
	Memory Memory
	Log    *slog.Logger
	// Problem is told why nothing is delivered, and nil when that is over.
	Problem func(error)
}

// Git is a git remote as a source. It never delivers a revision that this host does
// not trust, that is not there in full, or that does not descend from the one before.
type Git struct {
	GitOptions
	mirror *git.Mirror
	store  *store
	pace   pace

	mu      sync.Mutex
	status  Status
	consent string // the commit a person agreed to
	// asked: a webhook or a person asked since the last poll.
	asked bool

	// What follows belongs to Run alone.
	delivered string
	// seen is the remote's answer that needs no second look before again.
	seen  string
	again time.Time
	told  string
	// took is what the poll under way has taken so far, since the last part of it ended.
	took  Took
	since time.Time
}

const (
	usualInterval = time.Minute
	usualKeep     = 5
	// secondLook is how long the same unusable content is not fetched again.
	secondLook = time.Hour
)

// NewGit checks the options.
func NewGit(o GitOptions) (*Git, error) {
	if o.Interval == 0 {
		o.Interval = usualInterval
	}
	if o.Keep == 0 {
		o.Keep = usualKeep
	}
	if o.Limits == (git.Limits{}) {
		o.Limits = git.DefaultLimits()
	}
	if o.Interval < time.Second {
		return nil, fmt.Errorf("a poll interval of %s is too short: at least 1s", o.Interval)
	}
	if !filepath.IsAbs(o.State) {
		return nil, fmt.Errorf("the state directory %q is not absolute", o.State)
	}
	for _, check := range []func() error{o.Remote.Check, o.Ref.Check, o.Trust.Check, func() error { return git.CheckPath(o.Path) }} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return &Git{
		GitOptions: o,
		mirror:     &git.Mirror{State: o.State, Remote: o.Remote, Limits: o.Limits, Log: o.Log},
		store:      &store{dir: filepath.Join(o.State, "revisions"), keep: o.Keep},
		pace:       pace{interval: o.Interval, spacing: usualSpacing, bell: newBell()},
	}, nil
}

// source names what is followed, as [Accepted] remembers it.
func (g *Git) source() string { return g.Remote.URL + " " + g.Ref.String() }

// Run delivers the accepted revision, and then every newer one that the policies
// let pass, until ctx ends.
func (g *Git) Run(ctx context.Context, deliver func(Revision)) error {
	g.store.sweep()
	g.mu.Lock()
	g.status.Contact = g.lastContact()
	g.mu.Unlock()
	g.resume(deliver)
	p := g.pace
	p.planned = g.planned
	return p.run(ctx, func(ctx context.Context) error {
		err := g.poll(ctx, deliver)
		if ctx.Err() == nil {
			g.note(err)
		}
		var held *Held
		if errors.As(err, &held) {
			return nil // not the remote's fault: it is asked as often as usual
		}
		return err
	})
}

// Poke asks the remote soon, and has a held revision looked at again; a webhook calls
// it. It never waits.
func (g *Git) Poke() {
	g.mu.Lock()
	g.asked = true
	g.mu.Unlock()
	g.pace.bell.ring()
}

// wasAsked: Poke was called since the last time.
func (g *Git) wasAsked() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	asked := g.asked
	g.asked = false
	return asked
}

// Accept lets a held revision pass. It overrules the order of revisions; it does
// not make an unknown signature known. One that it can't let pass is looked at again.
func (g *Git) Accept(commit string) error {
	err := g.accept(commit)
	if err == nil || errors.Is(err, errUnacceptable) {
		g.Poke()
	}
	return err
}

// errUnacceptable is of a commit that no person can let pass.
var errUnacceptable = errors.New("it can't be accepted; it is looked at again now")

func (g *Git) accept(commit string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	held := g.status.Held
	switch {
	case held == nil || held.Commit == "":
		return errors.New("no revision is held")
	case len(commit) < 7 || !strings.HasPrefix(held.Commit, commit):
		return fmt.Errorf("the revision that is held is %s", held.Commit)
	case !held.Acceptable:
		return fmt.Errorf("revision %.12s: %w: %s; %s", held.Commit, errUnacceptable, held.Why, held.Do)
	}
	g.consent = held.Commit
	return nil
}

// Status says where the source stands.
func (g *Git) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.status
}

// Explain is the verdict on a commit that was fetched, by its id or the first
// digits of it.
func (g *Git) Explain(ctx context.Context, commit string) (trust.Verdict, error) {
	id, err := g.mirror.Find(ctx, commit)
	if err != nil {
		return trust.Verdict{}, err
	}
	return g.Trust.Judge(ctx, g.mirror, id, time.Now())
}

// At is an earlier commit that was fetched, to look at or to go back to. It is
// neither judged nor accepted by that.
func (g *Git) At(ctx context.Context, commit string) (Revision, error) {
	id, err := g.mirror.Find(ctx, commit)
	if err != nil {
		return Revision{}, err
	}
	c, err := g.mirror.Read(ctx, id)
	if err != nil {
		return Revision{}, err
	}
	part, err := g.mirror.Part(ctx, id, g.Path, g.Around)
	if err != nil {
		return Revision{}, err
	}
	dir, err := g.store.export(ctx, g.mirror, part)
	if err != nil {
		return Revision{}, err
	}
	return Revision{ID: id, Dir: dir, Inside: part.Inside, Commit: id, Subject: c.Subject, Author: c.Author, Time: c.Time}, nil
}

// planned notes when the remote is asked next.
func (g *Git) planned(at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.status.Next = at
}

// note keeps the outcome of a poll, and tells of it when it is another.
func (g *Git) note(err error) {
	g.mu.Lock()
	g.status.Err, g.status.Held = nil, nil
	if !errors.As(err, &g.status.Held) {
		g.status.Err = err
	}
	g.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != g.told && g.Problem != nil {
		g.Problem(err)
	}
	g.told = text
}

// agreed: a person accepted this commit.
func (g *Git) agreed(commit string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.consent == commit
}
