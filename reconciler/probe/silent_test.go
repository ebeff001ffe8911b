package probe_test

import (
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/reconciler/probe"
	"havn.internal/spec"
)

// silent is an address of this machine that answers no connection: its listener
// accepts none, and its queue is full.
func silent(t *testing.T) net.Addr {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: at.(*syscall.SockaddrInet4).Port}
	for {
		conn, err := net.DialTimeout("tcp", addr.String(), 300*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
}

// dialling counts the goroutines that connect to a replica.
func dialling() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "probe.dial")
}

// A probe that gets no answer leaves nothing behind: it connects no longer than its
// timeout, however many there have been.
func TestNothingIsLeftOfAProbeWithoutAnAnswer(t *testing.T) {
	for _, check := range []spec.Health{get("/", 200, 399), {Kind: spec.HealthTCP}} {
		check.Timeout = spec.Duration(50 * time.Millisecond)
		p := probe.New(func() {})
		p.Watch([]plan.Container{replica(silent(t), check)})
		settles(t, p, "unhealthy", unhealthy)
		p.Close()
		tick := time.NewTicker(time.Millisecond)
		for deadline := time.Now().Add(5 * time.Second); dialling() > 0 && time.Now().Before(deadline); {
			<-tick.C
		}
		tick.Stop()
		if n := dialling(); n > 0 {
			t.Errorf("%s: %d probes still try to connect, though all have ended", check.Kind, n)
		}
	}
}
