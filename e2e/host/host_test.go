//go:build e2e

package host

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"havn.internal/e2e/images"
)

// A machine keeps its containers over a killed engine and over the plug, and a
// container with a restart policy comes back by itself.
func TestHost(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	image, err := images.Host(ctx)
	must(t, err)
	_, err = images.Nginx(ctx)
	must(t, err)
	h, err := Start(ctx, Options{
		Name: "hm-machine", Image: image, Subnet: netip.MustParsePrefix("10.204.250.0/24"), Load: []string{"nginx:1.30"},
	})
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	must(t, err)
	_, err = h.Run(ctx, "docker", "run", "--detach", "--name", "web", "--restart", "unless-stopped", "--network", "host", "nginx:1.30")
	must(t, err)
	before := pid(t, h)

	must(t, h.KillEngine(ctx))
	must(t, h.StartEngine(ctx))
	if after := pid(t, h); after != before {
		t.Errorf("the container did not outlive dockerd: pid %s, then %s", before, after)
	}
	must(t, h.PullPlug(ctx))
	for !running(ctx, h) {
		if ctx.Err() != nil {
			t.Fatal("the container is not back after the plug was pulled")
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func pid(t *testing.T, h *Host) string {
	t.Helper()
	out, err := h.Run(t.Context(), "docker", "inspect", "--format", "{{.State.Pid}}", "web")
	must(t, err)
	return out
}

func running(ctx context.Context, h *Host) bool {
	out, err := h.Run(ctx, "docker", "inspect", "--format", "{{.State.Running}}", "web")
	return err == nil && strings.TrimSpace(out) == "true"
}
