package hold_test

import (
	"strings"
	"testing"
	"time"

	"havn.internal/gitops/hold"
)

// At each moment of a list: open, or closed until another.
func TestCalendar(t *testing.T) {
	const forever = "ever"
	night := hold.Window{Days: []time.Weekday{time.Saturday}, From: "22:00", Until: "04:00", Zone: "Europe/Oslo"}
	morning := hold.Window{Days: []time.Weekday{time.Sunday}, From: "02:30", Until: "04:00", Zone: "Europe/Oslo"}
	weekday := hold.Window{Days: []time.Weekday{time.Monday, time.Tuesday}, From: "09:00", Until: "11:00", Zone: "UTC"}
	christmas := hold.Freeze{From: at("2026-12-20 00:00"), Until: at("2027-01-04 08:00")}
	for _, c := range []struct {
		name     string
		calendar hold.Calendar
		now      string
		until    string // "" is open
	}{
		{"no windows", hold.Calendar{}, "2026-11-24 12:00", ""},
		{"before a freeze", hold.Calendar{Freezes: []hold.Freeze{christmas}}, "2026-12-19 23:59", ""},
		{"in a freeze", hold.Calendar{Freezes: []hold.Freeze{christmas}}, "2026-12-20 00:00", "2027-01-04 08:00"},
		{"at its end", hold.Calendar{Freezes: []hold.Freeze{christmas}}, "2027-01-04 08:00", ""},
		{"freezes in a row", hold.Calendar{Freezes: []hold.Freeze{christmas, {From: at("2027-01-04 07:00"), Until: at("2027-01-05 00:00")}}}, "2026-12-24 00:00", "2027-01-05 00:00"},
		{"without an end", hold.Calendar{Freezes: []hold.Freeze{{}}}, "2026-12-24 00:00", forever},
		{"in a window", hold.Calendar{Windows: []hold.Window{weekday}}, "2026-11-24 09:00", ""},
		{"behind it", hold.Calendar{Windows: []hold.Window{weekday}}, "2026-11-24 11:00", "2026-11-30 09:00"},
		{"the first of several", hold.Calendar{Windows: []hold.Window{weekday, night}}, "2026-11-24 11:00", "2026-11-28 21:00"},
		{"in one of several", hold.Calendar{Windows: []hold.Window{weekday, night}}, "2026-11-28 21:00", ""},
		{"past midnight", hold.Calendar{Windows: []hold.Window{night}}, "2026-11-29 02:59", ""},
		{"at its end past midnight", hold.Calendar{Windows: []hold.Window{night}}, "2026-11-29 03:00", "2026-12-05 21:00"},
		{"not the night before", hold.Calendar{Windows: []hold.Window{night}}, "2026-11-28 01:00", "2026-11-28 21:00"},
		{"a freeze over a window", hold.Calendar{Windows: []hold.Window{weekday}, Freezes: []hold.Freeze{christmas}}, "2027-01-04 07:00", "2027-01-04 09:00"},
		{"the clock is set forward over the opening", hold.Calendar{Windows: []hold.Window{morning}}, "2027-03-28 00:59", "2027-03-28 01:00"},
		{"and it is open then", hold.Calendar{Windows: []hold.Window{morning}}, "2027-03-28 01:00", ""},
		{"to its end", hold.Calendar{Windows: []hold.Window{morning}}, "2027-03-28 02:00", "2027-04-04 00:30"},
		{"the clock is set back in the window", hold.Calendar{Windows: []hold.Window{morning}}, "2026-10-25 00:30", ""},
		{"what it shows twice", hold.Calendar{Windows: []hold.Window{morning}}, "2026-10-25 01:30", ""},
		{"counts twice", hold.Calendar{Windows: []hold.Window{morning}}, "2026-10-25 01:00", "2026-10-25 01:30"},
		{"every day", hold.Calendar{Windows: []hold.Window{{From: "02:00", Until: "03:00", Zone: "UTC"}}}, "2026-11-24 12:00", "2026-11-25 02:00"},
		{"all day", hold.Calendar{Windows: []hold.Window{{Days: []time.Weekday{time.Friday}, From: "00:00", Until: "24:00", Zone: "UTC"}}}, "2026-11-27 23:59", ""},
		{"one that can't be read is never open", hold.Calendar{Windows: []hold.Window{{From: "nine", Until: "ten"}}}, "2026-11-24 12:00", forever},
	} {
		t.Run(c.name, func(t *testing.T) {
			newest, passed := web("new"), web("old")
			d := hold.Decide(hold.Input{Newest: &newest, Passed: &passed, Calendar: c.calendar, Now: at(c.now)})
			switch {
			case c.until == "" && d.Site.Revision != "new":
				t.Errorf("closed until %s", d.Again)
			case c.until == "":
			case d.Site.Revision != "old" || d.Waits != "new" || !d.Frozen:
				t.Errorf("open: %+v", d)
			case c.until == forever && !d.Again.IsZero():
				t.Errorf("closed until %s, want for ever", d.Again.UTC())
			case c.until != forever && !d.Again.Equal(at(c.until)):
				t.Errorf("closed until %s, want %s", d.Again.UTC(), c.until)
			}
		})
	}
}

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestCalendarIsChecked(t *testing.T) {
	for what, c := range map[string]hold.Calendar{
		"HH:MM":      {Windows: []hold.Window{{From: "9:00", Until: "10:00"}}},
		"25:00":      {Windows: []hold.Window{{From: "09:00", Until: "25:00"}}},
		"time zone":  {Windows: []hold.Window{{From: "09:00", Until: "10:00", Zone: "Oslo"}}},
		"of the day": {Windows: []hold.Window{{From: "24:00", Until: "10:00"}}},
		"not after":  {Freezes: []hold.Freeze{{From: noon, Until: noon}}},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := (hold.Calendar{Windows: []hold.Window{{From: "00:00", Until: "24:00"}}, Freezes: []hold.Freeze{{}}}).Check(); err != nil {
		t.Error(err)
	}
}
