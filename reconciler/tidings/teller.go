package tidings

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"havn.internal/gitops/forge"
	"havn.internal/gitops/notice"
)

// News is what is to be told.
type News struct {
	Statuses []forge.Status
	Events   []notice.Event
}

// Options say whose news it is, and what is none.
type Options struct {
	// Context names this host in the statuses of commits.
	Context string
	// Good is the revision that was last reached in full, and Known the one that was
	// wanted last, before havn started.
	Good, Known string
}

// A Revision is a site that is wanted, or might be.
type Revision struct {
	ID string
	// Commit is the one it was made from, as a forge knows it; empty if there is none.
	Commit string
	// Subject is the first line of what its author wrote.
	Subject string
	// But is what of it is not as the commit says.
	But string
}

var commitID = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

// RevisionOf takes the ID of a revision apart: COMMIT, or COMMIT+SERVICE@REVISION where
// a person has a service stay at another one.
func RevisionOf(id, subject string) Revision {
	r := Revision{ID: id, Subject: subject}
	base, pins, _ := strings.Cut(id, "+")
	if commitID.MatchString(base) {
		r.Commit = base
	}
	if pins != "" {
		r.But = "; " + strings.ReplaceAll(strings.ReplaceAll(pins, "+", ", "), "@", " stays at ")
	}
	return r
}

// A Teller turns facts into news. It is used by one goroutine at a time.
type Teller struct {
	Options
	// wanted is the revision that the host is on its way to, or at.
	wanted Revision
	// reached is the revision that was last told to be.
	reached string
	// statuses are what was told of the commits that matter still.
	statuses map[string]forge.Status
	// said is the last event of each kind that stands for itself.
	said map[string]notice.Event
	// ill are the troubles that were told and are not over, of services by name, of
	// routes by "route NAME", and of the host.
	ill map[string]ill
	// down is since when no replica of a service has been ready, blind since when the
	// host has not been seen, mute since when the source does not answer.
	down        map[string]time.Time
	blind, mute spell
}

// A spell is a time of trouble.
type spell struct {
	since time.Time
	why   string
	told  bool
}

// New returns a Teller that has told nothing yet.
func New(o Options) *Teller {
	return &Teller{
		Options: o, reached: o.Good, statuses: map[string]forge.Status{}, said: map[string]notice.Event{},
		ill: map[string]ill{}, down: map[string]time.Time{},
	}
}

// status is news if it is another than was told of the commit.
func (t *Teller) status(n *News, commit string, s forge.State, service, why string) {
	status := forge.Status{Commit: commit, State: s, Context: t.Context, Service: service, Reason: why}
	if t.statuses[commit] != status {
		t.statuses[commit] = status
		n.Statuses = append(n.Statuses, status)
	}
}

// overtake ends what is still pending of other commits: no forge is to show for ever
// that something is on its way.
func (t *Teller) overtake(n *News, by Revision, but ...string) {
	var old []string
	for commit, s := range t.statuses {
		if commit == by.Commit || slices.Contains(but, commit) {
			continue
		}
		if s.State == forge.Pending {
			old = append(old, commit)
		} else {
			delete(t.statuses, commit)
		}
	}
	slices.Sort(old)
	for _, commit := range old {
		t.status(n, commit, forge.Overtaken, "", "overtaken by "+short(by.ID))
		delete(t.statuses, commit)
	}
}

// once is an event that is news if the last of its kind was another.
func (t *Teller) once(n *News, e notice.Event) {
	last := t.said[e.Kind]
	if last.Title == e.Title && last.Detail == e.Detail && last.Revision == e.Revision {
		return
	}
	t.said[e.Kind] = e
	n.Events = append(n.Events, e)
}

// short is a revision for people.
func short(revision string) string {
	const enough = 12
	if len(revision) > enough {
		return revision[:enough]
	}
	return revision
}
