package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
)

// counter counts what is logged.
type counter struct {
	slog.Handler
	records int
}

func (c *counter) Handle(context.Context, slog.Record) error { c.records++; return nil }
func (c *counter) Enabled(context.Context, slog.Level) bool  { return true }

// TestLament: a source that is asked every few seconds says the same each time. That is
// logged once, and so is its end.
func TestLament(t *testing.T) {
	away, denied := errors.New("it is away"), errors.New("no rights")
	c := &counter{}
	d := &daemon{desk: &desk{}, host: &host{log: slog.New(c)}}
	for i, one := range []struct {
		err  error
		want int
	}{{nil, 0}, {away, 1}, {away, 1}, {away, 1}, {denied, 2}, {away, 3}, {nil, 4}, {nil, 4}, {away, 5}} {
		if d.lament(one.err); c.records != one.want {
			t.Fatalf("%d: %v: %d lines, want %d", i, one.err, c.records, one.want)
		}
	}
}
