package nginx

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"syscall"
	"testing"

	"havn.internal/reconciler/contract"
	"havn.internal/reconciler/plan"
)

// A router is a rig for the contract suite.
type router struct{ *rig }

func TestContract(t *testing.T) {
	t.Run("container", func(t *testing.T) {
		contract.Gateway(t, func(t *testing.T) contract.Router { return router{newRig(t)} })
	})
	t.Run("binary", func(t *testing.T) {
		contract.Gateway(t, func(t *testing.T) contract.Router { return hosted{router{newHosted(t)}} })
	})
}

func (r router) Servers() [3]netip.AddrPort {
	return [3]netip.AddrPort{nobody(r.t), nobody(r.t), nobody(r.t)}
}

func (r router) Refuse(l plan.Location) plan.Location {
	l.Target.Options.Upstream.Keepalive = 1 << 40
	return l
}

func (r router) Await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	eventually(t, what, ok)
}

func (r router) KillNginx() { r.kill() }

func (r router) Restart() { r.restart() }

func (r router) Hold(host string) {
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 2\r\n\r\nx", host); err != nil {
		r.t.Fatal(err)
	}
}

func (r router) Occupy() (free func()) {
	l, err := net.Listen("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	return func() { _ = l.Close() }
}

// A hosted is an nginx of the host, which only havn brings back.
type hosted struct{ router }

func (h hosted) KillNginx() {
	h.kill()
	eventually(h.t, "nginx can be started again", func() bool { return h.StartGateway(h.t.Context()) == nil })
}

// newHosted returns a gateway that drives the nginx which is installed on this
// machine.
func newHosted(t *testing.T) *rig {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatalf("%v: install nginx (it need not run)", err)
	}
	var b Binary
	r := newRig(t, func(c *Config) {
		b = Binary{Path: path, Dir: c.Dir}
		c.Process = b
	})
	t.Cleanup(func() {
		pid, _ := b.Master(context.Background())
		if pid != 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		for _, w := range b.orphans() {
			_ = syscall.Kill(w.pid, syscall.SIGKILL)
		}
	})
	return r
}
