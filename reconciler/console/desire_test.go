package console_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/user"
	"strings"
	"testing"
	"time"

	"havn.internal/gitops/hold"
	"havn.internal/reconciler/console"
)

// desired notes what was desired, in words.
type desired struct {
	asked
	said []string
	err  error
}

func (d *desired) note(format string, args ...any) (string, error) {
	d.said = append(d.said, fmt.Sprintf(format, args...))
	return d.said[len(d.said)-1], d.err
}

func (d *desired) Standing() hold.Standing { return hold.Standing{Wanted: "1", Waits: "2"} }
func (d *desired) Known(_ context.Context, revision string) (hold.Known, error) {
	return hold.Known{Revision: revision, Good: true}, d.err
}
func (d *desired) Rollback(_ context.Context, by hold.By, words []string, expected string) (string, error) {
	return d.note("%s rolls back to %q, %q: %s", by.Who, words, expected, by.Why)
}
func (d *desired) Unpin(by hold.By, service string) (string, error) {
	return d.note("%s unpins %q: %s", by.Who, service, by.Why)
}
func (d *desired) Freeze(by hold.By, until time.Time) (string, error) {
	return d.note("%s freezes until %s: %s", by.Who, until.UTC().Format(time.DateTime), by.Why)
}
func (d *desired) Thaw(by hold.By) (string, error) { return d.note("%s thaws: %s", by.Who, by.Why) }
func (d *desired) ByHand(by hold.By, h console.Handed) (string, error) {
	return d.note("%s applies %s of %s, %v: %s", by.Who, h.Site.Revision, h.Dir, h.Prune, by.Why)
}
func (d *desired) Settled(_ context.Context, revision string) (console.Settled, error) {
	return console.Settled{Generation: 3, Problem: revision}, d.err
}

func TestDesiresReachTheRunningHavn(t *testing.T) {
	t.Setenv("SUDO_USER", "")
	d := &desired{}
	c, _ := serve(t, d)
	ctx := context.Background()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	until := time.Date(2026, 12, 24, 17, 30, 0, 0, time.UTC)
	handed := console.Handed{Dir: "/root/si\x1bte", Prune: true}
	handed.Site.Revision = "rev"
	for _, one := range []struct {
		want string
		ask  func() (string, error)
	}{
		{`%s rolls back to ["web" "abc & d"], "abcd": it's slow`, func() (string, error) { return c.Rollback(ctx, "it's slow", []string{"web", "abc & d"}, "abcd") }},
		{`%s rolls back to [], "": `, func() (string, error) { return c.Rollback(ctx, "", nil, "") }},
		{`%s unpins "web": x`, func() (string, error) { return c.Unpin(ctx, "x", "web") }},
		{`%s freezes until 2026-12-24 17:30:00: a [31mred  reason`, func() (string, error) { return c.Freeze(ctx, "a\x1b[31mred\r\nreason\n", until) }},
		{`%s freezes until 0001-01-01 00:00:00: `, func() (string, error) { return c.Freeze(ctx, "", time.Time{}) }},
		{`%s thaws: x`, func() (string, error) { return c.Thaw(ctx, "x") }},
		{`%s applies rev of /root/si te, true: x`, func() (string, error) { return c.ByHand(ctx, "x", handed) }},
	} {
		want := fmt.Sprintf(one.want, me.Username)
		if got, err := one.ask(); err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	if s, err := c.Standing(ctx); err != nil || s.Waits != "2" {
		t.Errorf("standing: %+v, %v", s, err)
	}
	if k, err := c.Known(ctx, "abc"); err != nil || k.Revision != "abc" || !k.Good {
		t.Errorf("known: %+v, %v", k, err)
	}
	if s, err := c.Settled(ctx, "abc"); err != nil || s.Problem != "abc" || s.Generation != 3 {
		t.Errorf("settled: %+v, %v", s, err)
	}
	d.err = errors.New("nothing is pinned")
	if _, err := c.Unpin(ctx, "", ""); err == nil || !strings.Contains(err.Error(), "nothing is pinned") {
		t.Errorf("what is refused: %v", err)
	}
}

// Who asks is what the kernel says; only root's word counts for somebody else.
func TestPerson(t *testing.T) {
	for _, c := range []struct {
		uid        int
		sudo, want string
	}{
		{0, "", "root"},
		{0, "root", "root"},
		{0, "ada", "ada (sudo)"},
		{0, "ada\x1b[2J", "root"},
		{0, "ada lovelace", "root"},
		{4321987, "", "uid 4321987"},
		{4321987, "ada", "uid 4321987"},
	} {
		if got := console.Person(c.uid, c.sudo); got != c.want {
			t.Errorf("%d, %q: %q, want %q", c.uid, c.sudo, got, c.want)
		}
	}
}

// Who only looks is answered by a havn that takes no orders, and an order is refused with
// the reason.
func TestServeLooksTakesNoOrders(t *testing.T) {
	state, ctx := t.TempDir(), t.Context()
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- console.ServeLooks(ctx, state, &desired{}, "an apply is at work", slog.New(slog.DiscardHandler))
	}()
	var c *console.Client
	for deadline := time.Now().Add(2 * time.Minute); c == nil; {
		var err error
		if c, err = console.Dial(ctx, state); err != nil && time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if s, err := c.Standing(ctx); err != nil || s.Waits != "2" {
		t.Errorf("standing: %+v, %v", s, err)
	}
	if road, err := c.Forecast(ctx, console.Question{}); err != nil || road.Hash != "h" {
		t.Errorf("forecast: %+v, %v", road, err)
	}
	for name, order := range map[string]func() error{
		"rollback": func() error { _, err := c.Rollback(ctx, "", nil, ""); return err },
		"freeze":   func() error { _, err := c.Freeze(ctx, "", time.Time{}); return err },
		"apply":    func() error { _, err := c.ByHand(ctx, "", console.Handed{}); return err },
		"retry":    func() error { _, err := c.Retry(ctx, ""); return err },
		"accept":   func() error { return c.Accept(ctx, "x") },
		"prune":    func() error { _, err := c.AllowPrune(ctx); return err },
	} {
		if err := order(); err == nil || !strings.Contains(err.Error(), "an apply is at work") {
			t.Errorf("%s: %v", name, err)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
