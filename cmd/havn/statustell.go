package main

import (
	"fmt"
	"strings"
	"time"

	"havn.internal/reconciler/console"
)

// printTell prints how havn hears, and whom it tells.
func printTell(b *strings.Builder, s console.Status) {
	if s.Hook != nil {
		fmt.Fprintf(b, "webhooks  %s\n", hookLine(*s.Hook, time.Now()))
	}
	if f := s.Forge; f != nil {
		fmt.Fprintf(b, "forge     %s %s%s\n", f.Kind, f.Repository, but(f.Problem))
	}
	for _, n := range s.Notify {
		fmt.Fprintf(b, "notify    %s\n", notifyLine(n, time.Now()))
	}
}

func notifyLine(n console.Notify, now time.Time) string {
	line := fmt.Sprintf("%s (%s)", n.Name, n.Kind)
	if !n.Last.IsZero() {
		line += "; the last was taken " + ago(n.Last, now)
	}
	if n.Waiting > 0 {
		line += fmt.Sprintf("; %d wait", n.Waiting)
	}
	return line + but(n.Problem)
}

// but is a problem behind something else.
func but(problem string) string {
	if problem == "" {
		return ""
	}
	return "; " + problem
}

func hookLine(h console.Hook, now time.Time) string {
	line := h.Kind + ", at " + strings.Join(h.At, " and ")
	if len(h.At) == 0 {
		line = h.Kind + ", nowhere yet"
	}
	if h.Last.IsZero() {
		line += "; none has come yet"
	} else {
		line += "; the last came " + ago(h.Last, now)
	}
	if h.Refused > 0 {
		line += fmt.Sprintf("; %d refused for their signature, the last %s", h.Refused, ago(h.RefusedAt, now))
	}
	if h.Problem != "" {
		line += "; " + h.Problem
	}
	return line
}

func ago(t, now time.Time) string {
	const day = 24 * time.Hour
	if d := now.Sub(t); d >= 2*day {
		return fmt.Sprintf("%d days ago", d/day)
	}
	return now.Sub(t).Round(time.Second).String() + " ago"
}
