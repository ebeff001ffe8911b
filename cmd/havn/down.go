package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"havn.internal/reconciler/console"
	"havn.internal/reconciler/docker"
	"havn.internal/spec"
)

func newDown() *cobra.Command {
	m := &machine{}
	var yes bool
	c := &cobra.Command{
		Use:   "down",
		Short: "Stop and remove all that havn owns on this machine, volumes excepted",
		Long: `Stop and remove the containers and the network of the site on this machine, after
asking. Volumes, images and the state directory stay. What a havn runs is its own: stop
that one first.`,
		Example: `  havn down
  havn down --yes --state /tmp/try`,
		Args: args(cobra.NoArgs),
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return m.onHost(c, func(c *cobra.Command, _ []string) (err error) {
		log, err := m.log.logger()
		if err != nil {
			return err
		}
		if client, err := console.Dial(c.Context(), m.state); err == nil {
			return runs(c.Context(), client)
		}
		open := m.open
		if m.exists() != nil {
			open = m.look // what is lost is not made anew to be removed
		}
		h, err := open(c.Context(), log, false)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, h.close()) }()
		return h.down(c, yes)
	})
}

// runs says that a havn would make all of it again.
func runs(ctx context.Context, client *console.Client) error {
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	return fmt.Errorf("a havn runs here and would make it all again: end it first (`systemctl stop havn`, or `kill %d`)", s.Pid)
}

// downGrace is the time replicas get to end.
const downGrace = 10 * time.Second

func (h *host) down(c *cobra.Command, yes bool) error {
	out := c.OutOrStdout()
	b, err := h.engine.Belongings(c.Context())
	if err != nil {
		return err
	}
	if len(b.Containers) == 0 && b.Network == "" {
		fmt.Fprintln(out, "nothing of havn's is here")
		return h.gateway.Forget(c.Context())
	}
	list(out, b)
	if !yes {
		if err := confirm(c.Context(), c.InOrStdin(), out, "remove?", "nothing was removed"); err != nil {
			return err
		}
	}
	err = h.engine.Down(c.Context(), b, downGrace, func(what string) {
		fmt.Fprintln(out, "removed", what)
		h.journal.Record("", "remove "+what, "havn down: asked for by "+me("").Who)
	})
	return errors.Join(err, h.gateway.Forget(c.Context()))
}

func list(out io.Writer, b docker.Belongings) {
	fmt.Fprintf(out, "to be removed: %s (%s)", spec.Count(len(b.Containers), "container"), strings.Join(b.Containers, ", "))
	if b.Network != "" {
		fmt.Fprintf(out, " and network %s", b.Network)
	}
	fmt.Fprintln(out)
	if len(b.Volumes) > 0 {
		fmt.Fprintf(out, "kept: volumes %s (`docker volume rm` removes one, with its data)\n", strings.Join(b.Volumes, ", "))
	}
}

// confirm asks a person. Without one, nothing is removed.
func confirm(ctx context.Context, in io.Reader, out io.Writer, question, otherwise string) error {
	if f, isFile := in.(*os.File); isFile && !isatty.IsTerminal(f.Fd()) {
		return errors.New("nobody to ask here; `havn down --yes` does it without asking")
	}
	fmt.Fprint(out, question+" [y/N] ")
	answered := make(chan string, 1)
	go func() { // it ends with the process, if not before: a terminal can't be waited for with an end
		line, _ := bufio.NewReader(in).ReadString('\n') // what can't be read is no yes
		answered <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
	case answer := <-answered:
		if answer == "y" || answer == "yes" {
			return nil
		}
	}
	return errors.New(otherwise)
}
