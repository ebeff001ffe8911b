//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"havn.internal/e2e/traffic"
	"havn.internal/reconciler/console"
)

// A machine that was off serves again without havn: every replica and nginx come
// back, at the addresses that nginx knows. havn finds nothing to do when it is
// started later.
func TestPowerCycle(t *testing.T) {
	for name, cycle := range map[string]func(*machine, context.Context) error{
		"reboot":      func(m *machine, ctx context.Context) error { return m.Reboot(ctx) },
		"pulled plug": func(m *machine, ctx context.Context) error { return m.PullPlug(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.write(web("1", "replicas: 3"), other)
			m.start()
			generation := m.converge().Gateway.Generation
			before := m.processes()
			m.must(cycle(m, t.Context()))
			m.servesAlone()
			m.poll("all run", func() bool { return len(m.processes()) == len(before) }, func() string { return fmt.Sprintf("%q", m.processes()) })
			back := m.processes()
			if !slices.Equal(columns(3, back), columns(3, before)) {
				t.Errorf("containers came back as others\nfrom %q\n  to %q", before, back)
			}

			m.load("1")
			m.start()
			s := m.await("converged", func(s console.Status) bool { return s.Converged })
			m.lossless()
			if after := m.processes(); !slices.Equal(after, back) {
				t.Errorf("havn changed what was right\nfrom %q\n  to %q", back, after)
			}
			if s.Gateway.Generation != generation {
				t.Errorf("generation %d before the machine was off, %d after", generation, s.Gateway.Generation)
			}
		})
	}
}

// other is a second service beside web.
const other = `services: other: {image: "havn-hello:2", port: 8080, env: SERVICE: "other"}
routes: other: {hosts: ["other.test"], paths: "/": service: "other"}
`

// servesAlone waits until both services answer.
func (m *machine) servesAlone() {
	m.t.Helper()
	for service, version := range map[string]string{"web": "1", "other": "2"} {
		var last error
		m.poll(service+" answers", func() bool {
			a, err := traffic.Get(m.t.Context(), m.web(), service+".test", "/")
			last = err
			return err == nil && a.Service == service && a.Version == version
		}, func() string { return fmt.Sprint(last) })
	}
}
