package nginx

import (
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// unreachable is an address that answers no SYN: a listener whose queue is full.
func unreachable(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(name.(*unix.SockaddrInet4).Port))
	for {
		c, err := net.DialTimeout("tcp", at.String(), 200*time.Millisecond)
		if err != nil {
			return at
		}
		t.Cleanup(func() { _ = c.Close() })
	}
}

// TestOneThatCannotBeReached costs the requests that meet it a part of the time to
// connect: the sibling, or the spare, answers each of them, every time.
func TestOneThatCannotBeReached(t *testing.T) {
	r := newRig(t).start()
	good, gone := mirror(t, "good"), unreachable(t)
	quick := func(l *plan.Location) { l.Target.Options.Timeouts.Connect = spec.Duration(300 * time.Millisecond) }
	r.set(
		with(to("two.example", "/", gone, good), quick),
		with(with(to("spare.example", "/", gone), spares(good)), quick),
		with(with(to("spares.example", "/", gone, dead(t), unreachable(t)), spares(good)), quick),
		to("plain.example", "/", gone, good),
	)
	for _, host := range []string{"two.example", "spare.example", "spares.example"} {
		for i := range 6 {
			request := "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"
			if i%2 == 1 {
				request = "POST / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody"
			}
			if a := r.raw(request); a.status != http.StatusOK {
				t.Errorf("%s, request %d: status %d", host, i, a.status)
			}
		}
	}
	for range 2 {
		begin := time.Now()
		if a := r.get("plain.example", "/"); a.status != http.StatusOK {
			t.Errorf("with the usual time limits: status %d", a.status)
		}
		if took := time.Since(begin); took > 4*time.Second {
			t.Errorf("with the usual time limits it took %s", took)
		}
	}
}

// TestWhatIsSentTwice: a request that ends its connection is tried once more if its
// method is idempotent, however many replicas there are; and never otherwise.
func TestWhatIsSentTwice(t *testing.T) {
	r := newRig(t).start()
	var got atomic.Int32
	closes := func() netip.AddrPort {
		return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got.Add(1)
			if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
				_ = c.Close()
			}
		}))
	}
	r.set(to("a.example", "/", closes(), closes(), closes(), closes()))
	for method, want := range map[string]int32{"GET": 2, "PUT": 2, "DELETE": 2, "POST": 1, "PATCH": 1, "LOCK": 1} {
		got.Store(0)
		a := r.raw(method + " / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody")
		if a.status != http.StatusBadGateway || got.Load() != want {
			t.Errorf("%s: status %d, sent %d times; want 502 and %d", method, a.status, got.Load(), want)
		}
	}
}
