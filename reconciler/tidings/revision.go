package tidings

import (
	"cmp"
	"strings"
	"time"

	"havn.internal/gitops/forge"
	"havn.internal/gitops/notice"
)

// Kinds of events about revisions and the source.
const (
	Accepted    = "revision.accepted"
	Invalid     = "revision.invalid"
	Unread      = "revision.unread"
	Held        = "revision.held"
	Waiting     = "revision.waiting"
	Reached     = "revision.reached"
	Unreachable = "source.unreachable"
)

// mutely is how long a source may be away before that is news: a forge that is
// restarted is none.
const mutely = 15 * time.Minute

// Accepted: the revision is wanted from now on.
func (t *Teller) Accepted(r Revision, now time.Time) News {
	var n News
	if t.wanted.ID == r.ID {
		return n
	}
	t.wanted = r
	t.overtake(&n, r)
	clear(t.said)
	// One that was reached before a restart is on its way nowhere.
	if r.Commit != "" && r.ID != t.reached {
		t.status(&n, r.Commit, forge.Pending, "", "is being rolled out"+r.But)
	}
	if r.ID != t.reached && r.ID != t.Known {
		title := "revision " + short(r.ID) + " is being rolled out"
		t.once(&n, notice.Event{At: now, Kind: Accepted, Severity: notice.Info, Revision: r.ID, Title: title, Detail: strings.TrimPrefix(r.Subject+r.But, "; ")})
	}
	return n
}

// Invalid: the spec of the revision has mistakes. What was wanted stays so.
func (t *Teller) Invalid(r Revision, why string, now time.Time) News {
	var n News
	if r.Commit != "" {
		t.status(&n, r.Commit, forge.Failure, "", "invalid: "+why)
	}
	title := "revision " + short(r.ID) + " is invalid; what runs keeps running"
	t.once(&n, notice.Event{At: now, Kind: Invalid, Severity: notice.Error, Revision: r.ID, Title: title, Detail: why})
	return n
}

// Unread: the revision could not be evaluated, which is not its fault, and is tried
// again.
func (t *Teller) Unread(r Revision, why string, now time.Time) News {
	var n News
	why = own(why)
	if r.Commit != "" {
		t.status(&n, r.Commit, forge.Pending, "", "can't be evaluated yet: "+why)
	}
	title := "revision " + cmp.Or(short(r.ID), "(unknown)") + " can't be evaluated yet; what runs keeps running"
	t.once(&n, notice.Event{At: now, Kind: Unread, Severity: notice.Warning, Revision: r.ID, Title: title, Detail: why})
	return n
}

// Held: the host does not take the commit until a person, or a newer commit, changes
// that. The commit is empty if what is followed is gone.
func (t *Teller) Held(commit, why, do string, now time.Time) News {
	var n News
	title := "the source has nothing to follow; what runs keeps running"
	if commit != "" {
		t.status(&n, commit, forge.Failure, "", "held: "+why)
		title = "revision " + short(commit) + " is held; what runs keeps running"
	}
	t.once(&n, notice.Event{At: now, Kind: Held, Severity: notice.Warning, Revision: commit, Title: title, Detail: why + "\n" + do})
	return n
}

// Waits: the revision is good, and the host does not follow it now because a person
// said so.
func (t *Teller) Waits(r Revision, why string, now time.Time) News {
	var n News
	t.overtake(&n, r, t.wanted.Commit)
	if r.Commit != "" && r.Commit != t.wanted.Commit {
		t.status(&n, r.Commit, forge.Pending, "", "waits: "+why)
	}
	title := "revision " + short(r.ID) + " waits"
	t.once(&n, notice.Event{At: now, Kind: Waiting, Severity: notice.Info, Revision: r.ID, Title: title, Detail: why})
	return n
}

// Source is told why the source does not answer, and nil when it does.
func (t *Teller) Source(err error, now time.Time) News {
	why := ""
	if err != nil {
		why = own(err.Error())
	}
	return t.source(why, now)
}

// Tick is told the time, now and then.
func (t *Teller) Tick(now time.Time) News { return t.source(t.mute.why, now) }

// source takes note of why the source does not answer, nothing if it does.
func (t *Teller) source(why string, now time.Time) News {
	return t.mute.is(why, now, mutely, notice.Event{
		Kind: Unreachable, Severity: notice.Warning, Title: "the source can't be asked; what runs keeps running",
	}, "the source answers again")
}

// is takes note of what is wrong, nothing if it is empty, and is news when that has
// lasted for a while and when it is over.
func (s *spell) is(why string, now time.Time, lasting time.Duration, e notice.Event, over string) News {
	e.At = now
	switch {
	case why == "" && s.told:
		*s = spell{}
		e.Over, e.Ends, e.Severity, e.Title = true, e.Severity, notice.Info, over
		return News{Events: []notice.Event{e}}
	case why == "":
		*s = spell{}
		return News{}
	case s.since.IsZero():
		s.since = now
	}
	s.why = why
	if s.told || now.Sub(s.since) < lasting {
		return News{}
	}
	s.told = true
	e.Detail = why
	return News{Events: []notice.Event{e}}
}
