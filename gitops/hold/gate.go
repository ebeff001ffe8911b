package hold

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"havn.internal/spec"
)

// A Gate stands between the source and the reconciler: it keeps what people asked
// for, and hands on the site that is wanted whenever that is another.
type Gate struct {
	Store    Store
	Calendar Calendar
	// Last is the site that was wanted last, from a memory that may be lost.
	Last func() (spec.Site, bool)
	// Want is handed each new wish, one at a time; nil where no havn runs.
	Want func(Wish)
	// Waits, if set, is told of a revision that waits, and why.
	Waits func(revision, why string)
	Log   *slog.Logger
	// Now is the clock; time.Now if nil.
	Now func() time.Time

	once sync.Once
	ring chan struct{}

	mu      sync.Mutex
	state   State
	damaged error // why state is not known
	newest  *spec.Site
	passed  *spec.Site
	consent string
	// resumed: the source has nothing, so what passed last is wanted again.
	resumed bool
	now     Decision
	wanted  string // the revision that was handed on last
	told    string // what was last logged of what waits
}

// longestLook is how often everything is decided anew: a clock may be set, and no
// timer knows.
const longestLook = time.Minute

// open reads the store. The mutex is held.
func (g *Gate) open() {
	g.once.Do(func() {
		g.ring = make(chan struct{}, 1)
		if g.Now == nil {
			g.Now = time.Now
		}
		g.state, g.damaged = g.Store.State()
		if site, ok := g.Store.Passed(); ok {
			g.passed = &site
		} else if site, ok := g.Last(); ok && g.state.Host == nil {
			g.passed = &site
		}
	})
	if g.damaged != nil {
		g.state, g.damaged = g.Store.State()
	}
}

// Offer tells of the newest valid site of the source.
func (g *Gate) Offer(site spec.Site) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open()
	g.newest = &site
	g.decide()
}

// Resume wants again what was wanted before a restart: the source has nothing.
func (g *Gate) Resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open()
	g.resumed = true
	g.decide()
}

// Run decides anew whenever the calendar or the clock may say something else, until
// ctx ends.
func (g *Gate) Run(ctx context.Context) {
	for ctx.Err() == nil {
		timer := time.NewTimer(g.look())
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-g.ring:
		}
		timer.Stop()
	}
}

// look decides, and returns when to do it again.
func (g *Gate) look() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open()
	g.decide()
	if g.now.Again.IsZero() {
		return longestLook
	}
	return max(time.Millisecond, min(longestLook, g.now.Again.Sub(g.Now())))
}

func (g *Gate) input(s State) Input {
	return Input{Newest: g.newest, Passed: g.passed, State: s, Calendar: g.Calendar, Consent: g.consent, Now: g.Now()}
}

// decide hands on the wanted site if it is another. The mutex is held.
func (g *Gate) decide() {
	g.now = g.decision()
	d := g.now
	// What a revision says to this host is another when its name or labels are.
	same := g.newest != nil && g.passed != nil && g.newest.Revision == g.passed.Revision
	if d.Passes || same && !reflect.DeepEqual(*g.newest, *g.passed) {
		g.passed, g.consent = g.newest, ""
		if err := g.Store.SetPassed(*g.newest); err != nil {
			g.Log.Warn("the revision that passed can't be remembered", "revision", g.newest.Revision, "err", err)
		}
	}
	g.hand(d)
	g.say(d)
}

// hand hands a site on. The mutex is held.
func (g *Gate) hand(d Decision) {
	quiet := g.newest == nil && g.state.Host == nil && !g.resumed
	if d.Site == nil || quiet || g.Want == nil || d.Site.Revision == g.wanted {
		return
	}
	g.wanted = d.Site.Revision
	g.Want(Wish{*d.Site, d.Base, d.Images, notes(State{Services: g.state.Services})})
}

// say says that a revision waits, once. The mutex is held.
func (g *Gate) say(d Decision) {
	text := d.Waits + d.Why
	if text == g.told {
		return
	}
	g.told = text
	if d.Waits == "" {
		return
	}
	g.Log.Warn("a revision waits; what runs keeps running", "revision", d.Waits, "why", d.Why)
	if g.Waits != nil {
		g.Waits(d.Waits, d.Why)
	}
}

// decision is [Decide], but while it is not known what people asked for, nothing
// changes.
func (g *Gate) decision() Decision {
	if g.damaged == nil {
		return Decide(g.input(g.state))
	}
	d := Decision{Broken: g.damaged}
	if site, ok := g.Last(); ok {
		d.Site, d.Base = &site, site.Revision
	}
	if g.newest != nil && (d.Site == nil || d.Site.Revision != g.newest.Revision) {
		d.Waits, d.Why = g.newest.Revision, g.damaged.Error()
	}
	return d
}

// change makes what people asked for another, once it is on disk. What would leave
// nothing to be wanted is refused.
func (g *Gate) change(do func(*State) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open()
	if g.damaged != nil {
		return g.damaged
	}
	next := g.state.clone()
	if err := do(&next); err != nil {
		return err
	}
	before := Decide(g.input(g.state))
	if d := Decide(g.input(next)); d.Broken != nil && (before.Broken == nil || d.Site == nil && before.Site != nil) {
		return d.Broken
	}
	return g.keep(next)
}

// keep stores the state and acts on it. The mutex is held.
func (g *Gate) keep(next State) error {
	if err := g.Store.SetState(next); err != nil {
		return fmt.Errorf("remember what is pinned: %w; nothing has changed", err)
	}
	g.state, g.damaged = next, nil
	g.decide()
	select {
	case g.ring <- struct{}{}:
	default:
	}
	return nil
}

// Pin pins the host, or a service.
func (g *Gate) Pin(p Pin) error {
	return g.change(func(s *State) error {
		s.pin(p)
		return nil
	})
}

// Would is the wish that a pin would make; nothing changes.
func (g *Gate) Would(p Pin) (Wish, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open()
	if g.damaged != nil {
		return Wish{}, g.damaged
	}
	next := g.state.clone()
	next.pin(p)
	d := Decide(g.input(next))
	if d.Site == nil {
		return Wish{}, d.Broken
	}
	return Wish{*d.Site, d.Base, d.Images, notes(State{Services: next.Services})}, nil
}

// Unpin takes all pins off, or that of one service, and returns them. To take all
// off works also where it can't be read what was pinned; a freeze is lost then, too.
func (g *Gate) Unpin(service string) ([]Note, error) {
	var off []Note
	if service == "" {
		g.mu.Lock()
		g.open()
		if g.damaged != nil {
			defer g.mu.Unlock()
			return nil, g.keep(State{})
		}
		g.mu.Unlock()
	}
	err := g.change(func(s *State) error {
		if service == "" {
			if off = notes(*s); len(off) == 0 {
				return errors.New("nothing is pinned")
			}
			s.Host, s.Services = nil, nil
			return nil
		}
		p, there := s.Services[service]
		if !there {
			return fmt.Errorf("service %s is not pinned by itself", service)
		}
		off = notes(State{Services: map[string]Pin{service: p}})
		delete(s.Services, service)
		return nil
	})
	return off, err
}

// Freeze lets no new revision come; nil ends that.
func (g *Gate) Freeze(f *Freeze) error {
	return g.change(func(s *State) error {
		if f == nil && s.Freeze == nil {
			return errors.New("nothing is frozen by hand")
		}
		s.Freeze = f
		return nil
	})
}

// Accept lets the revision that waits pass though the calendar is closed. It is
// named by its id or the first digits of it. done is false if none like that waits.
func (g *Gate) Accept(revision string) (done bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open()
	if g.now.Waits == "" {
		return false, nil
	}
	if _, err := (Past{{Revision: g.now.Waits}}).Find(revision); err != nil {
		return false, nil
	}
	if !g.now.Frozen {
		return false, fmt.Errorf("revision %s waits: %s", Short(g.now.Waits), g.now.Why)
	}
	g.consent = g.now.Waits
	g.decide()
	return true, nil
}

// Consent lets a revision pass that is yet to come.
func (g *Gate) Consent(revision string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.consent = revision
}

// Wanted is the wish of now, and what people asked for; false if nothing is wanted.
func (g *Gate) Wanted() (Wish, State, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open()
	if g.now = g.decision(); g.now.Site == nil {
		return Wish{}, g.state.clone(), false
	}
	return Wish{*g.now.Site, g.now.Base, g.now.Images, notes(State{Services: g.state.Services})}, g.state.clone(), true
}

// Readable is why it is not known what people asked for; nil if it is.
func (g *Gate) Readable() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open()
	return g.damaged
}

// Standing says what keeps the host from being as the source says.
func (g *Gate) Standing() Standing {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open()
	d := g.decision()
	s := Standing{Base: d.Base, Pins: notes(g.state), Waits: d.Waits, Why: d.Why}
	if d.Site != nil {
		s.Wanted = d.Site.Revision
	}
	if shut, is := closed(g.Calendar, g.state.Freeze, g.Now()); is {
		s.Frozen, s.Until = shut.String(), shut.until
	}
	if d.Broken != nil && d.Waits == "" {
		s.Problem = d.Broken.Error()
	}
	return s
}
