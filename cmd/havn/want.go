package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"havn.internal/gitops"
	"havn.internal/gitops/hold"
	"havn.internal/gitops/notice"
	"havn.internal/reconciler"
	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
	"havn.internal/spec"
)

// takeDesires lets people say what they want, before there is a source.
func (d *daemon) takeDesires() {
	d.desires = d.machine.desires(d.journal, d.log)
	d.desires.again = d.host.Retry
	d.desires.tell = func(service, act, why string) { d.news.said(decided, notice.Info, service, act, why) }
	d.gate.Want = d.want
	d.gate.Waits = func(revision, why string) { d.news.waits(revision, d.subject(revision), why) }
	for _, line := range d.gate.Standing().Lines() {
		d.log.Warn("this host does not follow its source as it is", "what", line)
	}
}

// decided is the kind of event that a person wants something else of the host.
const decided = "host.decided"

// subject is what the author wrote of the newest revision, if it is that one.
func (d *daemon) subject(revision string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.newest.Commit != revision {
		return ""
	}
	return d.newest.Subject
}

// offer tells the gate of a valid site of the source.
func (d *daemon) offer(r gitops.Revision, site spec.Site) {
	d.journal.Remember(site, journal.Origin{Subject: r.Subject, Author: r.Author})
	if r.Same != "" {
		d.unchanged(r, site)
	}
	d.note(site.Revision, "")
	d.mu.Lock()
	d.newest = r
	d.mu.Unlock()
	d.gate.Offer(site)
}

// want makes a site the wanted one.
func (d *daemon) want(w hold.Wish) {
	d.settle(w)
	d.journal.SetSite(w.Site)
	d.log.Info("revision", "revision", w.Site.Revision, "services", len(w.Site.Services), "routes", len(w.Site.Routes))
	d.news.accepted(w.Site.Revision, d.subject(w.Site.Revision))
	if len(w.Pinned) > 0 {
		var but []string
		for _, n := range w.Pinned {
			but = append(but, n.String())
		}
		d.news.waits(w.Base, d.subject(w.Base), "it is wanted but for "+strings.Join(but, " and "))
	}
	d.Deliver(w.Site)
}

// resume goes on with the site of before a restart while the source has none.
func (d *daemon) resume() { d.gate.Resume() }

// Accept implements [console.Havn]. A commit that a person lets pass is not held by
// the calendar either.
func (d *daemon) Accept(by hold.By, revision string) error {
	done, err := d.gate.Accept(revision)
	if err != nil {
		return err
	}
	if !done {
		if d.git == nil {
			return errors.New("no revision like that waits")
		}
		held := d.git.Status().Held
		if err := d.git.Accept(revision); err != nil {
			return err
		}
		if held != nil {
			d.gate.Consent(held.Commit)
		}
	}
	d.record("", "accept revision "+revision, by)
	return nil
}

// ByHand implements [console.Desires].
func (d *daemon) ByHand(by hold.By, h console.Handed) (string, error) {
	if h.Prune {
		d.AllowPruneOf(h.Site.Revision)
	}
	if s := d.Standing(); d.source.isDir(h.Dir) && !s.Pinned() && s.Frozen == "" && s.Problem == "" {
		// The source is about to say the same.
		d.offer(gitops.Revision{Dir: h.Dir}, h.Site)
		return "the havn that runs here follows " + h.Dir, nil
	}
	return d.byHand(by, h)
}

// settledEvery is how often it is looked whether the host has settled.
const settledEvery = 50 * time.Millisecond

// Settled implements [console.Desires].
func (d *daemon) Settled(ctx context.Context, revision string) (console.Settled, error) {
	tick := time.NewTicker(settledEvery)
	defer tick.Stop()
	for {
		if want, _ := d.Want(); want.Revision != revision {
			return console.Settled{}, fmt.Errorf("revision %s is wanted by now, and not %s", orNone(want.Revision), revision)
		}
		if o := d.Last(); o.Revision == revision && o.Err == nil {
			settled := o.Settled()
			if settled == nil {
				return console.Settled{Generation: o.Have.Gateway.Generation}, nil
			}
			if !errors.Is(settled, reconciler.ErrUnderWay) {
				return console.Settled{Problem: settled.Error()}, nil
			}
		}
		select {
		case <-ctx.Done():
			return console.Settled{}, ctx.Err()
		case <-tick.C:
		}
	}
}
