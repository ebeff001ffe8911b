package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"havn.internal/reconciler/docker"
)

func newLogs() *cobra.Command {
	m := &machine{}
	var asJSON, follow bool
	var last int
	var since string
	c := &cobra.Command{
		Use:   "logs [SERVICE]",
		Short: "Show what the replicas print, those of the next releases too",
		Long: `Show what the replicas of a service print, or those of all services: the newest
lines of each, oldest first. A replica that stopped is among them as long as havn
keeps its container. Lines are written as they are, as with ` + "`docker logs`" + `: also what a
terminal acts on. --json writes that out.`,
		Example: `  havn logs web -f
  havn logs web --since 10m`,
		Args: args(cobra.MaximumNArgs(1)),
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is printed from now on, also by replicas that come later")
	c.Flags().IntVarP(&last, "tail", "n", 100, "the newest `N` lines of each replica; -1 for all that is kept")
	c.Flags().StringVar(&since, "since", "", "only what was printed since `TIME`: a duration such as 10m, or a time such as 17:30")
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line")
	return m.onHost(c, func(c *cobra.Command, given []string) (err error) {
		q := docker.LogQuery{Last: last}
		if q.Since, err = parseTime("since", since, time.Now(), back); err != nil {
			return usage(c, err)
		}
		if len(given) > 0 {
			q.Service = given[0]
		}
		log, err := m.log.logger()
		if err != nil {
			return err
		}
		engine, err := m.engine(c.Context(), log)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, engine.Close()) }()
		return printLogs(c.Context(), c.OutOrStdout(), engine, q, follow, asJSON)
	})
}

func printLogs(ctx context.Context, w io.Writer, e *docker.Engine, q docker.LogQuery, follow, asJSON bool) error {
	encode, lines := json.NewEncoder(w), raw(w)
	encode.SetEscapeHTML(false)
	each := func(l docker.LogLine) {
		if asJSON {
			_ = encode.Encode(l)
			return
		}
		fmt.Fprintf(lines, "%s  %s\n", l.Replica, l.Text)
	}
	if follow {
		return e.Follow(ctx, q, each)
	}
	found, err := e.Lines(ctx, q)
	for _, l := range found {
		each(l)
	}
	return err
}
