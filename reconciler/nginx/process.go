package nginx

import (
	"context"
	"syscall"
)

// A Process is the nginx that is driven. It outlives havn.
type Process interface {
	// Clear ends what a master that was killed has left behind.
	Clear(ctx context.Context) error
	// Start brings nginx up with a configuration unless it runs.
	Start(ctx context.Context, conf string) error
	// Master returns the pid of the master as /proc of this process shows it, 0
	// if nginx does not run.
	Master(ctx context.Context) (int, error)
	// Test has nginx judge a configuration (nginx -t): what it printed, and an
	// error if it refused.
	Test(ctx context.Context, conf string) (string, error)
	// Signal sends the master a signal.
	Signal(ctx context.Context, s syscall.Signal) error
	// Version returns what nginx says of its version (nginx -v).
	Version(ctx context.Context) (string, error)
	// Logs returns the last lines nginx printed before it had a log.
	Logs(ctx context.Context) ([]string, error)
	// Outdated says how the nginx that runs differs from the one that would be
	// started now; empty if it does not.
	Outdated(ctx context.Context) (string, error)
	// Replace is the command by which a person ends nginx, so that havn starts
	// it anew.
	Replace() string
}
