package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"havn.internal/gitops"
	"havn.internal/gitops/egress"
	"havn.internal/gitops/notice"
	"havn.internal/reconciler"
	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/tidings"
)

// An announcer tells the forge and people what the daemon sees. Nothing of it holds
// anything up.
type announcer struct {
	statuses *statuses
	notices  *notice.Notifier
	egress   *egress.Client
	// commits: revisions are commits.
	commits bool

	mu     sync.Mutex
	teller *tidings.Teller
}

// announce opens the ways out.
func (t *tellFlags) announce(s *sourceFlags, host string, j *journal.Journal, log *slog.Logger) (*announcer, error) {
	a := &announcer{commits: s.remote.URL != ""}
	known, _ := j.Site()
	a.teller = tidings.New(tidings.Options{Context: t.forge.named(host), Good: j.Good(), Known: known.Revision})
	hide, out := t.secrets(s), t.egress(s)
	var err error
	if a.statuses, err = t.forge.open(s.remote.URL, out, hide, outbox{j}, log); err != nil {
		return nil, err
	}
	if a.egress, err = egress.New(out); err != nil {
		return nil, err
	}
	a.notices, err = notice.New(notice.Options{Host: host, Targets: t.notify, Outbox: outbox{j}, Egress: a.egress, Hide: hide, Log: log})
	return a, err
}

// everyNow is how often the teller is told the time.
const everyNow = 30 * time.Second

// run tells until ctx ends.
func (a *announcer) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	defer a.egress.Close()
	g.Go(func() error { return a.notices.Run(ctx) })
	if a.statuses != nil {
		defer a.statuses.egress.Close()
		g.Go(func() error { return a.statuses.Run(ctx) })
	}
	g.Go(func() error {
		tick := time.NewTicker(everyNow)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case now := <-tick.C:
				a.tell(func(t *tidings.Teller) tidings.News { return t.Tick(now) })
			}
		}
	})
	return g.Wait()
}

// tell has the news of a fact told.
func (a *announcer) tell(fact func(*tidings.Teller) tidings.News) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := fact(a.teller)
	for _, s := range n.Statuses {
		if a.statuses != nil {
			a.statuses.Report(s)
		}
	}
	for _, e := range n.Events {
		a.notices.Notify(e)
	}
}

// revision is what the teller knows of a revision.
func (a *announcer) revision(id, subject string) tidings.Revision {
	r := tidings.RevisionOf(id, subject)
	if !a.commits {
		r.Commit = ""
	}
	return r
}

// accepted: a revision is wanted from now on.
func (a *announcer) accepted(id, subject string) {
	a.tell(func(t *tidings.Teller) tidings.News { return t.Accepted(a.revision(id, subject), time.Now()) })
}

// invalid: a revision has mistakes.
func (a *announcer) invalid(id string, r gitops.Revision, why error) {
	a.tell(func(t *tidings.Teller) tidings.News {
		return t.Invalid(a.revision(id, r.Subject), why.Error(), time.Now())
	})
}

// unread: a revision could not be evaluated, and will be tried again.
func (a *announcer) unread(id string, r gitops.Revision, why error) {
	a.tell(func(t *tidings.Teller) tidings.News {
		return t.Unread(a.revision(id, r.Subject), why.Error(), time.Now())
	})
}

// waits: a revision is not followed now, because of a person or the calendar.
func (a *announcer) waits(id, subject, why string) {
	a.tell(func(t *tidings.Teller) tidings.News { return t.Waits(a.revision(id, subject), why, time.Now()) })
}

// source is told why the source delivers nothing, and nil when it does.
func (a *announcer) source(err error) {
	now := time.Now()
	held := new(gitops.Held)
	if !errors.As(err, &held) {
		a.tell(func(t *tidings.Teller) tidings.News { return t.Source(err, now) })
		return
	}
	a.tell(func(t *tidings.Teller) tidings.News { return t.Source(nil, now) })
	a.tell(func(t *tidings.Teller) tidings.News { return t.Held(held.Commit, held.Why, held.Do, now) })
}

// passed is told of every pass.
func (a *announcer) passed(o reconciler.Outcome) {
	a.tell(func(t *tidings.Teller) tidings.News { return t.Passed(o) })
}

// said: a person did something that others should know of.
func (a *announcer) said(kind string, s notice.Severity, service, title, detail string) {
	a.tell(func(*tidings.Teller) tidings.News {
		return tidings.News{Events: []notice.Event{{Kind: kind, Severity: s, Service: service, Title: title, Detail: detail}}}
	})
}

// describe adds to a status how it stands with those who are told.
func (a *announcer) describe(s *console.Status) {
	s.Forge = a.statuses.status()
	for _, t := range a.notices.Standings() {
		s.Notify = append(s.Notify, console.Notify{Name: t.Name, Kind: string(t.Kind), Waiting: t.Waiting, Last: t.Last, Problem: t.Problem})
	}
}

// hostName is what this host is called when others are told of it.
func (m *machine) hostName() string { return cmp.Or(m.self.name, m.site) }
