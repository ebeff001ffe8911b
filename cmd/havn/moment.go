package main

import (
	"fmt"
	"time"
)

// A direction is where a time that people give lies, as seen from now.
type direction int

const (
	ahead direction = 1
	back  direction = -1
)

// parseTime reads a flag's time, by this machine's clock: so long from now, a time of
// the day, the next or the last, or a date. It is zero if none is given.
func parseTime(flag, text string, now time.Time, d direction) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if span, err := time.ParseDuration(text); err == nil {
		if span <= 0 {
			return time.Time{}, fmt.Errorf("--%s %s: want a duration above 0", flag, text)
		}
		return now.Add(time.Duration(d) * span), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	clock, err := time.Parse("15:04", text)
	if err != nil {
		return time.Time{}, fmt.Errorf(`--%s %q: want a duration such as "2h", or a time such as "17:30" or "2026-12-24 17:30"`, flag, text)
	}
	t := time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), 0, 0, now.Location())
	if t.Compare(now) != int(d) {
		t = t.AddDate(0, 0, int(d))
	}
	return t, nil
}
