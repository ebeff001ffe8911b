package main

import (
	"testing"
	"time"
)

func TestTimesAhead(t *testing.T) {
	readsTimes(t, ahead, map[string]string{
		"2h":                   "2026-10-24T19:00:00+02:00",
		"17:30":                "2026-10-24T17:30:00+02:00",
		"17:00":                "2026-10-25T17:00:00+01:00", // the clock is set back in between
		"2026-12-24":           "2026-12-24T00:00:00+01:00",
		"2026-12-24 17:30":     "2026-12-24T17:30:00+01:00",
		"2026-12-24T17:30:00Z": "2026-12-24T17:30:00Z",
		"":                     "0001-01-01T00:00:00Z",
		"-1h":                  "",
		"tomorrow":             "",
	})
}

func TestTimesBack(t *testing.T) {
	readsTimes(t, back, map[string]string{
		"10m":              "2026-10-24T16:50:00+02:00",
		"16:30":            "2026-10-24T16:30:00+02:00",
		"17:30":            "2026-10-23T17:30:00+02:00",
		"2026-10-01 08:00": "2026-10-01T08:00:00+02:00",
		"-1h":              "",
		"yesterday":        "",
	})
}

func readsTimes(t *testing.T, d direction, times map[string]string) {
	t.Helper()
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 10, 24, 17, 0, 0, 0, oslo)
	for text, want := range times {
		got, err := parseTime("at", text, now, d)
		if want == "" && err == nil || want != "" && (err != nil || got.Format(time.RFC3339) != want) {
			t.Errorf("%q: %s, %v; want %s", text, got.Format(time.RFC3339), err, want)
		}
	}
}
