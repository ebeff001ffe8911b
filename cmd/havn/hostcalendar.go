package main

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"havn.internal/gitops/hold"
	"havn.internal/spec"
)

// calendar is what the host file says of when new revisions may come.
func (h hostFile) calendar() (hold.Calendar, error) {
	var said struct {
		Freezes []struct {
			From, Until time.Time
			Why         string
		}
		Windows []struct {
			Days                   []string
			From, Until, Zone, Why string
		}
	}
	if err := json.Unmarshal(h.Config, &said); err != nil {
		return hold.Calendar{}, spec.Problems{h.At("freezes", err.Error(), "times that there are")}
	}
	var c hold.Calendar
	for i, f := range said.Freezes {
		c.Freezes = append(c.Freezes, hold.Freeze{From: f.From, Until: f.Until, By: hold.By{Why: f.Why}})
		if err := (hold.Calendar{Freezes: c.Freezes[i:]}).Check(); err != nil {
			return c, spec.Problems{h.At("freezes."+strconv.Itoa(i), err.Error(), "")}
		}
	}
	for i, w := range said.Windows {
		one := hold.Window{From: w.From, Until: w.Until, Zone: w.Zone, Why: w.Why}
		for _, d := range w.Days {
			one.Days = append(one.Days, time.Weekday(slices.Index(weekdays, d)))
		}
		c.Windows = append(c.Windows, one)
		if err := (hold.Calendar{Windows: c.Windows[i:]}).Check(); err != nil {
			return c, spec.Problems{h.At("windows."+strconv.Itoa(i), err.Error(), "")}
		}
	}
	return c, nil
}

// weekdays are the days as a host file names them, in the order of [time.Weekday].
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
