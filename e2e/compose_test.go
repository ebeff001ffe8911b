//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// compose is the same many services for Compose.
type compose struct {
	s          *scenario
	file, name string
}

func newCompose(s *scenario) compose {
	s.t.Helper()
	var y strings.Builder
	fmt.Fprintf(&y, "networks: {default: {ipam: {config: [{subnet: 10.203.%d.0/24}]}}}\nservices:\n", 100+int(s.lease))
	for i := range manyServices {
		fmt.Fprintf(&y, "  s%d: {image: 'havn-hello:1', init: true, environment: {SERVICE: s%d}, deploy: {replicas: %d}}\n", i, i, manyReplicas)
	}
	file := filepath.Join(filepath.Dir(s.dir), "compose.yaml")
	if err := os.WriteFile(file, []byte(y.String()), 0o644); err != nil {
		s.t.Fatal(err)
	}
	c := compose{s, file, s.site() + "-compose"}
	s.t.Cleanup(func() { _ = c.command("down").Run() })
	return c
}

func (c compose) command(args ...string) *exec.Cmd {
	return exec.Command("docker-compose", append([]string{"--project-name", c.name, "--file", c.file}, args...)...)
}

func (c compose) timed(args ...string) time.Duration {
	c.s.t.Helper()
	var complaints bytes.Buffer
	cmd := c.command(args...)
	cmd.Stderr = &complaints
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		c.s.t.Fatalf("docker-compose %s: %v: %s", args[0], err, complaints.String())
	}
	return time.Since(begin)
}
