//go:build e2e

package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"havn.internal/e2e/images"
)

// havnBinary is the real havn, built once.
var havnBinary string

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := prepareAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func prepareAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "havn-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	havnBinary = filepath.Join(dir, "havn")
	cmd := exec.Command("go", "build", "-trimpath", "-o", havnBinary, "havn.internal/cmd/havn")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build havn: %w: %s", err, out)
	}
	if _, err := images.Nginx(context.Background()); err != nil {
		return 0, err
	}
	return m.Run(), nil
}
