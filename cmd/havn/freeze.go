package main

import (
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
		Example: `  havn freeze --until 17:30 --why inventory`,
		Args:    args(cobra.NoArgs),
	}
	whyFlag(c.Flags(), &why)
	c.Flags().StringVar(&until, "until", "", "`TIME` when it ends: 2h, 17:30, 2026-12-24, \"2026-12-24 17:30\" or with a zone as in RFC 3339 (never by itself)")
	return m.onHost(c, func(c *cobra.Command, _ []string) error {
		end, err := parseTime("until", until, time.Now(), ahead)
		if err != nil {
			return usage(c, err)
		}
		return say(c)(askDesires(c.Context(), m,
			func(client *console.Client) (string, error) { return client.Freeze(c.Context(), why, end) },
			func(d *desires) (string, error) { return d.Freeze(me(why), end) }))
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
		return say(c)(askDesires(c.Context(), m,
			func(client *console.Client) (string, error) { return client.Thaw(c.Context(), why) },
			func(d *desires) (string, error) { return d.Thaw(me(why)) }))
	})
}
