package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"havn.internal/reconciler/console"
)

func newFreeze() *cobra.Command {
	m := &machine{}
	var why, until string
	c := &cobra.Command{
		Use:   "freeze",
		Short: "Let no new revision come; what runs is healed all the same",
		Long: `Let no new revision come, until a time or until ` + "`havn thaw`" + `. What runs is healed all the
same; rollbacks and what is applied by hand go on. ` + "`havn accept REVISION`" + ` lets one that
waits pass.`,
		Args: args(cobra.NoArgs),
	}
	whyFlag(c.Flags(), &why)
	c.Flags().StringVar(&until, "until", "", `when it ends: "2h", "17:30", "2026-12-24", "2026-12-24 17:30" or with a zone as in RFC 3339 (never by itself)`)
	return m.onHost(c, func(c *cobra.Command, _ []string) error {
		end, err := parseUntil(until, time.Now())
		if err != nil {
			return usage(c, err)
		}
		return say(c)(atDesk(c.Context(), m,
			func(client *console.Client) (string, error) { return client.Freeze(c.Context(), why, end) },
			func(d *desk) (string, error) { return d.Freeze(me(why), end) }))
	})
}

func newThaw() *cobra.Command {
	m := &machine{}
	var why string
	c := &cobra.Command{
		Use:   "thaw",
		Short: "End a freeze",
		Long:  "End a freeze that `havn freeze` began. Those of the host file go on.",
		Args:  args(cobra.NoArgs),
	}
	whyFlag(c.Flags(), &why)
	return m.onHost(c, func(c *cobra.Command, _ []string) error {
		return say(c)(atDesk(c.Context(), m,
			func(client *console.Client) (string, error) { return client.Thaw(c.Context(), why) },
			func(d *desk) (string, error) { return d.Thaw(me(why)) }))
	})
}

// parseUntil reads a time in the future, by this machine's clock; zero if none is
// given.
func parseUntil(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		if d <= 0 {
			return time.Time{}, fmt.Errorf("--until %s: want a time that is yet to pass", text)
		}
		return now.Add(d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	clock, err := time.Parse("15:04", text)
	if err != nil {
		return time.Time{}, fmt.Errorf(`--until %q: want a duration such as "2h", or a time such as "17:30" or "2026-12-24 17:30"`, text)
	}
	t := time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), 0, 0, now.Location())
	if !t.After(now) {
		t = time.Date(now.Year(), now.Month(), now.Day()+1, clock.Hour(), clock.Minute(), 0, 0, now.Location())
	}
	return t, nil
}
