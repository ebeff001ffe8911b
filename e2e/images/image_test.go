package images_test

import (
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"havn.internal/e2e/images"
)

func TestEnsuringAtOnceMakesOneImage(t *testing.T) {
	t.Cleanup(func() { _ = exec.Command("docker", "rmi", "havn-hello:ensure").Run() })
	var g errgroup.Group
	for range 4 {
		g.Go(func() error {
			_, err := images.Hello(t.Context(), "ensure")
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	before := id(t, "havn-hello:ensure")
	if _, err := images.Hello(t.Context(), "ensure"); err != nil {
		t.Fatal(err)
	}
	if after := id(t, "havn-hello:ensure"); after != before {
		t.Errorf("ensured again: image %s became %s", before, after)
	}
}

func TestNginxHasItsUsersAndDirectories(t *testing.T) {
	tag, err := images.Nginx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "docker", "run", "--rm", tag, "nginx", "-t").CombinedOutput(); err != nil {
		t.Errorf("nginx -t: %v: %s", err, out)
	}
}

func id(t *testing.T, tag string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "docker", "image", "inspect", "--format", "{{.Id}}", tag).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
