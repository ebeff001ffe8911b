//go:build e2e

package main

import (
	"context"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The demo tells its story to the end without a failed request, is told again over
// what it left, and leaves nothing once it is taken down.
func TestDemo(t *testing.T) {
	tree, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	d := demoIn(tree, filepath.Join(t.TempDir(), "demo"), "hm-demo")
	d.havn = filepath.Join(t.TempDir(), "havn")
	if out, err := exec.Command("go", "build", "-o", d.havn, "havn.internal/cmd/havn").CombinedOutput(); err != nil {
		t.Fatalf("build havn: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if err := d.down(context.Background(), io.Discard); err != nil {
			t.Log(err)
		}
	})
	for range 2 {
		if err := d.show(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if d.running() == 0 {
		t.Error("havn does not run after the demo")
	}
	if err := d.down(t.Context(), io.Discard); err != nil {
		t.Error(err)
	}
	for _, kind := range []string{"container", "network", "volume"} {
		out, err := exec.Command("docker", kind, "ls", "--quiet", "--filter", "label=havn.site=hm-demo").Output()
		if left := strings.TrimSpace(string(out)); err != nil || left != "" {
			t.Errorf("%ss left: %q, %v", kind, left, err)
		}
	}
}
