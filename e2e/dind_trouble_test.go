//go:build e2e

package e2e

import (
	"os/exec"
	"strings"
	"testing"
)

// What the machine lacks is said in words that a person can act on, and ends with
// 1 though nothing was changed.
func TestMachineInTrouble(t *testing.T) {
	m := newMachine(t)
	m.write(web("1"))
	apply := []string{"havn", "apply", machineSpec, "--timeout", "20s"}

	m.inside("sh", "-c", "nginx -g 'daemon on;' && curl --silent --fail --output /dev/null --retry 20 --retry-connrefused 127.0.0.1:80")
	m.complains(m.Command(t.Context(), apply...), "80", "nginx")
	m.inside("pkill", "-x", "nginx")

	m.complains(m.CommandAs(t.Context(), "65534:65534", append(apply, "--state", "/tmp/havn")...), "no rights on /var/run/docker.sock", "usermod")

	m.must(m.KillEngine(t.Context()))
	m.complains(m.Command(t.Context(), apply...), "/var/run/docker.sock does not answer", "systemctl start docker")
	m.inside("rm", "-f", "/run/docker.sock")
	m.complains(m.Command(t.Context(), apply...), "there is no /var/run/docker.sock", "systemctl start docker")

	m.must(m.StartEngine(t.Context()))
	if left := m.processes(); len(left) > 1 {
		t.Errorf("a failed apply left %q", left)
	}
}

// complains runs a command that has to fail, with these words in what it prints.
func (m *machine) complains(cmd *exec.Cmd, words ...string) {
	m.t.Helper()
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		m.t.Errorf("%v: exit %d, want 1: %v\n%s", cmd.Args, code, err, out)
	}
	for _, w := range words {
		if !strings.Contains(string(out), w) {
			m.t.Errorf("%v says nothing of %q:\n%s", cmd.Args, w, out)
		}
	}
}
