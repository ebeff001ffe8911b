package images

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// pullDeadline bounds the attempt to pull, so that a registry that does not answer
// costs no more than this.
const pullDeadline = 3 * time.Minute

// ensure brings the image to the engine unless it is there: pulled, or else made
// by build. Only one process on the machine does so at a time.
func ensure(ctx context.Context, tag string, build func(context.Context) error) (string, error) {
	if present(ctx, tag) {
		return tag, nil
	}
	unlock, err := lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	if present(ctx, tag) || pull(ctx, tag) {
		return tag, nil
	}
	if err := build(ctx); err != nil {
		return "", fmt.Errorf("image %s: %w", tag, err)
	}
	return tag, nil
}

func present(ctx context.Context, tag string) bool {
	_, err := run(ctx, nil, "docker", "image", "inspect", tag)
	return err == nil
}

func pull(ctx context.Context, tag string) bool {
	ctx, cancel := context.WithTimeout(ctx, pullDeadline)
	defer cancel()
	_, err := run(ctx, nil, "docker", "pull", "--quiet", tag)
	return err == nil
}

// lock waits for the machine's other builders.
func lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "havn-images.lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return func() { _ = f.Close() }, nil
}

// run runs a program to its end and returns what it printed. The error carries
// the last lines of its complaints.
func run(ctx context.Context, stdin io.Reader, name string, args ...string) (string, error) {
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &complaints
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, tail(complaints.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

func tail(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "; ")
}
