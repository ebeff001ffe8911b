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

// A desk is where people say what they want of the host beside the newest revision,
// whether a havn runs or not.
type desk struct {
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

func (m *machine) desk(j *journal.Journal, log *slog.Logger) *desk {
	gate := &hold.Gate{Store: hold.Store{Dir: m.state}, Calendar: m.calendar, Last: j.Site, Log: log}
	return &desk{gate: gate, book: j, site: m.site, self: m.self.host()}
}

// me is the person who runs this command.
func me(why string) hold.By {
	return hold.By{Who: console.Person(os.Getuid(), os.Getenv("SUDO_USER")), Why: why}
}

// Standing implements [console.Desires].
func (d *desk) Standing() hold.Standing { return d.gate.Standing() }

func (d *desk) past() hold.Past {
	var out hold.Past
	for _, k := range d.book.Sites() {
		out = append(out, hold.Known{Revision: k.Revision, At: k.At, Good: k.Good, Subject: k.Subject, Author: k.Author, From: k.From, Site: k.Site, Images: k.Images})
	}
	return out
}

// Known implements [console.Desires].
func (d *desk) Known(ctx context.Context, revision string) (hold.Known, error) {
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

func (d *desk) evaluated(ctx context.Context, r gitops.Revision) (hold.Known, error) {
	_, site, err := load(ctx, r, d.self)
	return hold.Known{Revision: site.Revision, Subject: r.Subject, Author: r.Author, Site: site}, err
}

// Rollback implements [console.Desires].
func (d *desk) Rollback(ctx context.Context, by hold.By, words []string) (string, error) {
	if err := d.gate.Readable(); err != nil {
		return "", err
	}
	w, state, wanted := d.gate.Wanted()
	if !wanted {
		return "", errors.New("nothing is wanted yet, so there is nothing to go back from")
	}
	past := d.past()
	service, revision, err := meant(words, w.Site, past)
	if err != nil {
		return "", err
	}
	k, err := d.choose(ctx, w, state, past, service, revision)
	if err != nil {
		return "", err
	}
	p := k.Whole(by, time.Now())
	if service != "" {
		if p, err = k.Only(service, w.Site, d.book.Pins(w.Site.Revision), by, time.Now()); err != nil {
			return "", err
		}
	}
	return d.pin(p)
}

// meant sorts out a service and a revision; a service goes first.
func meant(words []string, now spec.Site, past hold.Past) (service, revision string, err error) {
	if len(words) == 0 {
		return "", "", nil
	}
	_, isService := now.Services[words[0]]
	switch isService = isService || past.HasService(words[0]); {
	case len(words) == 1 && isService:
		return words[0], "", nil
	case len(words) == 1:
		return "", words[0], nil
	case !isService:
		return "", "", fmt.Errorf("there is no service %q, and none is remembered", words[0])
	}
	return words[0], words[1], nil
}

// choose is the revision to go back to.
func (d *desk) choose(ctx context.Context, w hold.Wish, state hold.State, past hold.Past, service, revision string) (hold.Known, error) {
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
	verdicts := d.book.Verdicts()
	return past.LastOther(from, service, now, func(r spec.Release) bool {
		_, condemned := verdicts[plan.VerdictKey{Service: service, Fingerprint: r.Fingerprint(d.site)}]
		return condemned
	})
}

// earlier finds a revision that is remembered, or an older commit of the source.
func (d *desk) earlier(ctx context.Context, past hold.Past, revision string) (hold.Known, error) {
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
func (d *desk) pin(p hold.Pin) (string, error) {
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
func (d *desk) record(service, act string, by hold.By) {
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
func (d *desk) lift(p hold.Pin) {
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
func (d *desk) said(text string) string {
	if d.again == nil {
		return text + "\nno havn runs here; the next `havn run` goes by it"
	}
	return text
}

// Unpin implements [console.Desires].
func (d *desk) Unpin(by hold.By, service string) (string, error) {
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
func (d *desk) Freeze(by hold.By, until time.Time) (string, error) {
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
func (d *desk) Thaw(by hold.By) (string, error) {
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
func (d *desk) byHand(by hold.By, h console.Handed) (string, error) {
	d.book.Remember(h.Site, journal.Origin{From: h.Dir})
	return d.pin(hold.Pin{Kind: hold.Hand, Revision: h.Site.Revision, Site: h.Site, From: h.Dir, At: time.Now(), By: by})
}

// imagesOf are what the references of a wish stand for: as the revision it was made
// from has them, but for what the wish says itself.
func (d *desk) imagesOf(w hold.Wish) map[string]string {
	out := map[string]string{}
	if w.Base != w.Site.Revision {
		maps.Copy(out, d.book.Pins(w.Base))
	}
	maps.Copy(out, w.Images)
	used := map[string]bool{}
	for _, s := range w.Site.Services {
		used[s.Image] = true
	}
	maps.DeleteFunc(out, func(ref, _ string) bool { return !used[ref] })
	return out
}

// settle makes the journal know what references stand for in a wish.
func (d *desk) settle(w hold.Wish) {
	known, images := d.book.Pins(w.Site.Revision), d.imagesOf(w)
	for _, ref := range slices.Sorted(maps.Keys(images)) {
		if known[ref] != images[ref] {
			d.book.Pin(w.Site.Revision, ref, images[ref])
		}
	}
}
