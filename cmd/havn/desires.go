package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"havn.internal/gitops"
	"havn.internal/gitops/hold"
	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// desires are what people want of the host beside the newest revision, said to the havn
// that runs, or in place of one.
type desires struct {
	gate *hold.Gate
	book *journal.Journal
	site string
	self *spec.Host
	// git is the source if that is a git remote and a havn runs.
	git *gitops.Git
	// again has what failed tried at once; nil where no havn runs.
	again func()
	// tell tells others what a person decided; nil where no havn runs.
	tell func(service, act, why string)
}

func (m *machine) desires(j *journal.Journal, log *slog.Logger) *desires {
	gate := &hold.Gate{Store: hold.Store{Dir: m.state}, Calendar: m.calendar, Last: j.Site, Log: log}
	return &desires{gate: gate, book: j, site: m.site, self: m.self.host()}
}

// me is the person who runs this command.
func me(why string) hold.By {
	return hold.By{Who: console.Person(os.Getuid(), os.Getenv("SUDO_USER")), Why: why}
}

// Standing implements [console.Desires].
func (d *desires) Standing() hold.Standing { return d.gate.Standing() }

func (d *desires) past() hold.Past {
	var out hold.Past
	for _, k := range d.book.Sites() {
		out = append(out, hold.Known{Revision: k.Revision, At: k.At, Good: k.Good, Subject: k.Subject, Author: k.Author, From: k.From, Site: k.Site, Images: k.Images})
	}
	return out
}

// Known implements [console.Desires].
func (d *desires) Known(ctx context.Context, revision string) (hold.Known, error) {
	w, state, wanted := d.gate.Wanted()
	if revision == "" {
		if !wanted {
			return hold.Known{}, errors.New("nothing is wanted yet")
		}
		return hold.Known{Revision: w.Site.Revision, Site: w.Site, Images: d.book.Pins(w.Site.Revision)}, nil
	}
	past := d.past()
	k, err := past.Find(revision)
	if !errors.Is(err, hold.ErrUnknown) {
		return k, err
	}
	for _, p := range state.Pins() {
		if p.Service == "" {
			if k, err := (hold.Past{{Revision: p.Revision, Site: p.Site, Images: p.Images}}).Find(revision); err == nil {
				return k, nil
			}
		}
	}
	if d.git == nil {
		return k, err
	}
	r, gitErr := d.git.At(ctx, revision)
	if gitErr != nil {
		return k, fmt.Errorf("%w; %w", err, gitErr)
	}
	return d.evaluated(ctx, r)
}

func (d *desires) evaluated(ctx context.Context, r gitops.Revision) (hold.Known, error) {
	_, site, err := load(ctx, r, d.self)
	return hold.Known{Revision: site.Revision, Subject: r.Subject, Author: r.Author, Site: site}, err
}

// Rollback implements [console.Desires].
func (d *desires) Rollback(ctx context.Context, by hold.By, words []string, expected string) (string, error) {
	p, already, err := d.back(ctx, by, words)
	if err != nil || already != "" {
		return already, err
	}
	if expected != "" && p.Revision != expected {
		return "", fmt.Errorf("meanwhile the revision to go back to is %s, not %s; look again", hold.Short(p.Revision), hold.Short(expected))
	}
	return d.pin(p)
}

var errNothingWanted = errors.New("nothing is wanted yet, so there is nothing to go back from")

func (d *desires) now() time.Time { return time.Now() }

// choose is the revision to go back to.
func (d *desires) choose(ctx context.Context, w hold.Wish, state hold.State, past hold.Past, service, revision string) (hold.Known, error) {
	switch {
	case revision != "":
		return d.earlier(ctx, past, revision)
	case service == "":
		return past.Last(w.Base)
	}
	from := w.Base
	if p, pinned := state.Services[service]; pinned {
		from = p.Revision
	}
	now := spec.Release{Service: w.Site.Services[service]}
	now.ImageID = d.book.Pins(w.Site.Revision)[now.Service.Image]
	verdicts, proven := d.book.Verdicts(), d.book.Proven(service, d.site)
	return past.LastOther(from, service, now, func(r spec.Release) bool {
		f := r.Fingerprint(d.site)
		_, condemned := verdicts[plan.VerdictKey{Service: service, Fingerprint: f}]
		return condemned || !proven[f.Short()]
	})
}

// earlier finds a revision that is remembered, or an older commit of the source.
func (d *desires) earlier(ctx context.Context, past hold.Past, revision string) (hold.Known, error) {
	k, err := past.Find(revision)
	if s := d.gate.Standing(); err == nil && s.Waits == k.Revision {
		return k, fmt.Errorf("revision %s is not an earlier one: it waits: %s", hold.Short(k.Revision), s.Why)
	}
	if d.git == nil || !errors.Is(err, hold.ErrUnknown) {
		return k, err
	}
	r, gitErr := d.git.Earlier(ctx, strings.ToLower(revision))
	if gitErr != nil {
		return k, err
	}
	return d.evaluated(ctx, r)
}

// pin pins, and clears the way.
func (d *desires) pin(p hold.Pin) (string, error) {
	if err := d.gate.Pin(p); err != nil {
		return "", err
	}
	what := "the host"
	if p.Service != "" {
		what = "service " + p.Service
	}
	act := fmt.Sprintf("pin %s to %s", what, p.Revision)
	if p.Kind == hold.Hand {
		act = fmt.Sprintf("apply %s by hand from %s", p.Revision, p.From)
	}
	d.record(p.Service, act, p.By)
	if p.Kind == hold.Rollback {
		d.lift(p)
	}
	undo := "havn unpin"
	if p.Service != "" {
		undo += " " + p.Service
	}
	return d.said(fmt.Sprintf("%s; `%s` goes on with the source", p, undo)), nil
}

// record has history, and others, know what a person decided.
func (d *desires) record(service, act string, by hold.By) {
	d.book.Record(service, act, reason(by))
	if d.tell != nil {
		d.tell(service, act, reason(by))
	}
}

func reason(by hold.By) string {
	if by.Why == "" {
		return "asked for by " + by.Who
	}
	return by.Why + " (" + by.Who + ")"
}

// lift lifts the verdicts on what a person wants back, and has it tried at once.
func (d *desires) lift(p hold.Pin) {
	for _, s := range p.Site.Services {
		r := spec.Release{Service: s, ImageID: p.Images[s.Image]}
		if r.ImageID == "" {
			r.ImageID = d.book.Pins(p.Revision)[s.Image]
		}
		d.book.Lift(plan.VerdictKey{Service: s.Name, Fingerprint: r.Fingerprint(d.site)}, "a person rolled back to it: "+reason(p.By))
	}
	if d.again != nil {
		d.again()
	}
}

// said adds what the person has to know where no havn runs.
func (d *desires) said(text string) string {
	if d.again == nil {
		return text + "\nno havn runs here; the next `havn run` goes by it"
	}
	return text
}

// Unpin implements [console.Desires].
func (d *desires) Unpin(by hold.By, service string) (string, error) {
	off, err := d.gate.Unpin(service)
	if err != nil {
		return "", err
	}
	if len(off) == 0 {
		d.record("", "unpin the host", by)
		return d.said("whatever was pinned or frozen is not any more"), nil
	}
	var lines []string
	for _, n := range off {
		d.record(n.Service, "unpin from "+hold.Short(n.Revision), by)
		lines = append(lines, "no longer: "+n.String())
	}
	if s := d.gate.Standing(); s.Waits != "" {
		lines = append(lines, fmt.Sprintf("revision %s still waits: %s", hold.Short(s.Waits), s.Why))
	}
	return d.said(strings.Join(lines, "\n")), nil
}

// Freeze implements [console.Desires].
func (d *desires) Freeze(by hold.By, until time.Time) (string, error) {
	if !until.IsZero() && !until.After(time.Now()) {
		return "", fmt.Errorf("%s is over already", until.Local().Format(time.DateTime))
	}
	if err := d.gate.Freeze(&hold.Freeze{Until: until, By: by}); err != nil {
		return "", err
	}
	d.record("", "freeze new revisions", by)
	return d.said(d.gate.Standing().Frozen + "; `havn thaw` ends it"), nil
}

// Thaw implements [console.Desires].
func (d *desires) Thaw(by hold.By) (string, error) {
	if err := d.gate.Freeze(nil); err != nil {
		return "", err
	}
	d.record("", "thaw", by)
	if s := d.gate.Standing(); s.Frozen != "" {
		return d.said("still " + s.Frozen), nil
	}
	return d.said("thawed"), nil
}

// byHand pins the host to the site of a directory.
func (d *desires) byHand(by hold.By, h console.Handed) (string, error) {
	d.book.Remember(h.Site, journal.Origin{From: h.Dir})
	return d.pin(hold.Pin{Kind: hold.Hand, Revision: h.Site.Revision, Site: h.Site, From: h.Dir, At: time.Now(), By: by})
}

// settle makes the journal know what references stand for in a wish.
func (d *desires) settle(w hold.Wish) {
	var base map[string]string
	if w.Base != w.Site.Revision {
		base = d.book.Pins(w.Base)
	}
	known, images := d.book.Pins(w.Site.Revision), w.References(base)
	for _, ref := range slices.Sorted(maps.Keys(images)) {
		if known[ref] != images[ref] {
			d.book.Pin(w.Site.Revision, ref, images[ref])
		}
	}
}
