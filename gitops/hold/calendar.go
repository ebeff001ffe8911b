package hold

import (
	"fmt"
	"slices"
	"time"
)

// A Calendar says when new revisions may come. It is of the host, not of the
// repository. The zero Calendar is always open.
type Calendar struct {
	// Freezes are spans in which none may come.
	Freezes []Freeze
	// Windows are the only times at which one may come, if there are any.
	Windows []Window
}

// A Freeze lets no new revision come from From, long ago if zero, to Until, until
// somebody ends it if zero.
type Freeze struct {
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	By
}

// A Window opens at From and closes at Until by the clock on the wall, on certain
// days. One whose Until is not after From goes on past midnight; it belongs to the
// day on which it opens. Where the clock is set forward over a window, it is left
// out or shorter; where it is set back, what the clock shows twice counts twice.
type Window struct {
	// Days are the days on which it opens; none means every day.
	Days []time.Weekday
	// From and Until are written "HH:MM"; "24:00" is the end of the day.
	From, Until string
	// Zone is a name such as "Europe/Oslo"; empty is the machine's own.
	Zone string
	Why  string
}

// Check says what is wrong with the calendar.
func (c Calendar) Check() error {
	for i, f := range c.Freezes {
		if !f.Until.IsZero() && !f.Until.After(f.From) {
			return fmt.Errorf("freeze %d ends at %s, which is not after it begins", i+1, f.Until.Format(time.RFC3339))
		}
	}
	for i, w := range c.Windows {
		if _, err := w.read(); err != nil {
			return fmt.Errorf("window %d: %w", i+1, err)
		}
	}
	return nil
}

// A span is a window that was read: minutes of the day.
type span struct {
	days        []time.Weekday
	from, until int
	zone        *time.Location
	why         string
}

const day = 24 * 60

func (w Window) read() (span, error) {
	s := span{days: w.Days, zone: time.Local, why: w.Why}
	var err error
	if s.from, err = minutes(w.From); err != nil {
		return s, err
	}
	if s.until, err = minutes(w.Until); err != nil {
		return s, err
	}
	if s.from == day {
		return s, fmt.Errorf("it opens at %s: want a time of the day", w.From)
	}
	if w.Zone != "" {
		if s.zone, err = time.LoadLocation(w.Zone); err != nil {
			return s, fmt.Errorf("time zone %q is unknown; want a name such as \"Europe/Oslo\"", w.Zone)
		}
	}
	return s, nil
}

func minutes(clock string) (int, error) {
	if clock == "24:00" {
		return day, nil
	}
	t, err := time.Parse("15:04", clock)
	if err != nil || len(clock) != len("15:04") {
		return 0, fmt.Errorf("the time %q: want HH:MM, such as \"02:30\"", clock)
	}
	return t.Hour()*60 + t.Minute(), nil
}

// open: the window is open at t.
func (s span) open(t time.Time) bool {
	local := t.In(s.zone)
	now := local.Hour()*60 + local.Minute()
	if s.from < s.until {
		return s.on(local.Weekday()) && s.from <= now && now < s.until
	}
	yesterday := (local.Weekday() + 6) % 7
	return s.on(local.Weekday()) && now >= s.from || s.on(yesterday) && now < s.until
}

func (s span) on(d time.Weekday) bool { return len(s.days) == 0 || slices.Contains(s.days, d) }

// next is when the window opens next after t; false if it never does.
func (s span) next(t time.Time) (time.Time, bool) {
	local := t.In(s.zone)
	var best time.Time
	consider := func(at time.Time) {
		if at.After(t) && s.open(at) && (best.IsZero() || at.Before(best)) {
			best = at
		}
	}
	// Two weeks: the clock may skip the window of one.
	for d := range 16 {
		consider(time.Date(local.Year(), local.Month(), local.Day()+d, s.from/60, s.from%60, 0, 0, s.zone))
	}
	// Where the clock is set forward over the opening, the window opens right then.
	if _, change := local.ZoneBounds(); !change.IsZero() {
		consider(change)
	}
	return best, !best.IsZero()
}

// A closing is why no new revision may come, and until when: for ever if zero.
type closing struct {
	until time.Time
	why   string
}

// mostSpans bounds how many freezes and windows in a row are looked at.
const mostSpans = 200

// closed says whether the calendar and the freezes are closed at a moment. A window
// that can't be read is never open.
func closed(c Calendar, frozen *Freeze, now time.Time) (closing, bool) {
	freezes := slices.Clone(c.Freezes)
	if frozen != nil {
		freezes = append(freezes, *frozen)
	}
	var spans []span
	for _, w := range c.Windows {
		if s, err := w.read(); err == nil {
			spans = append(spans, s)
		}
	}
	out := closing{until: now}
	for range mostSpans {
		until, why, shut := shutAt(freezes, spans, len(c.Windows) > 0, out.until)
		if !shut {
			return out, !out.until.Equal(now)
		}
		if out.why == "" {
			out.why = why
		}
		out.until = until
		if until.IsZero() {
			return out, true
		}
	}
	return out, true
}

// shutAt is what closes the calendar at t, and until when that does.
func shutAt(freezes []Freeze, spans []span, windows bool, t time.Time) (until time.Time, why string, shut bool) {
	for _, f := range freezes {
		if t.Before(f.From) || !f.Until.IsZero() && !t.Before(f.Until) {
			continue
		}
		return f.Until, f.reason(), true
	}
	if !windows {
		return t, "", false
	}
	why = "outside the maintenance windows"
	for _, s := range spans {
		if s.open(t) {
			return t, "", false
		}
		at, ever := s.next(t)
		if ever && (until.IsZero() || at.Before(until)) {
			until = at
			if s.why != "" {
				why = "outside the maintenance windows; next: " + s.why
			}
		}
	}
	return until, why, true
}

func (f Freeze) reason() string {
	switch {
	case f.Who != "" && f.Why != "":
		return f.Why + ", says " + f.Who
	case f.Who != "":
		return f.Who + " asked for it"
	case f.Why != "":
		return f.Why
	}
	return "a freeze"
}

func (c closing) String() string {
	if c.until.IsZero() {
		return "frozen until somebody thaws it: " + c.why
	}
	return fmt.Sprintf("frozen until %s: %s", c.until.Local().Format("2006-01-02 15:04 MST"), c.why)
}
