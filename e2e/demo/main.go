// Command demo shows havn at work on this machine: the example site comes up, is
// changed by a commit under traffic, survives a bad release, and runs on.
//
// Rule of the package: it does only what a person at a terminal could do, and
// says so as it does it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	d, err := newDemo()
	if err != nil {
		return err
	}
	switch {
	case len(args) == 0:
		return d.show(ctx)
	case len(args) == 1 && args[0] == "down":
		return d.down(ctx, os.Stdout)
	}
	return errors.New("usage: demo [down]")
}
