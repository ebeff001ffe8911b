// Command havn converges this machine to a site described in CUE.
//
// Rule of the package: a command reads its words, wires the packages that know, and
// prints what they say. What happens to the host is decided elsewhere.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"havn.internal/spec"
)

// Exit codes of every command.
const (
	exitDone    = 0 // done, or nothing to do
	exitFailed  = 1
	exitPending = 2 // `plan` found changes; or bad usage where no plan is made
)

// An exitError ends the process with a code. Its text, if any, is printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func main() {
	if spec.IsChild() {
		os.Exit(spec.RunChild())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // who can't wait for the end sends a second one
	code := execute(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(visible{os.Stdout})
	root.SetErr(visible{os.Stderr})
	err := root.ExecuteContext(ctx)
	var exit *exitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &exit):
		if text := exit.Error(); text != "" {
			fmt.Fprintln(root.ErrOrStderr(), text)
		}
		return exit.code
	}
	fmt.Fprintln(root.ErrOrStderr(), "havn: "+err.Error())
	return exitFailed
}
