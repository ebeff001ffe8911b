package nginx

import (
	"net"
	"net/http"
	"net/netip"
	"testing"

	"havn.internal/reconciler/plan"
)

// dead is an address where nobody listens.
func dead(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func spares(addrs ...netip.AddrPort) func(*plan.Location) {
	return func(l *plan.Location) { l.Spares = addrs }
}

func servers(addrs ...netip.AddrPort) func(*plan.Location) {
	return func(l *plan.Location) { l.Servers = addrs }
}

// A spare is asked when nobody else can be, also with what may not be sent twice;
// and only then.
func TestSpares(t *testing.T) {
	r := newRig(t).start()
	fresh, stale := mirror(t, "fresh"), mirror(t, "stale")
	r.set(
		with(to("alive.example", "/", fresh), spares(stale)),
		with(to("dead.example", "/", dead(t)), spares(stale)),
		with(with(to("all.example", "/", dead(t)), servers(dead(t), dead(t), dead(t))), spares(stale)),
	)
	post := func(host string) answer {
		return r.raw("POST /x HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody")
	}
	for host, want := range map[string]string{"alive.example": "fresh", "dead.example": "stale", "all.example": "stale"} {
		for range 20 {
			if a := r.get(host, "/"); a.status != http.StatusOK || a.seen(t).Name != want {
				t.Fatalf("GET %s: %d, %s; want %s", host, a.status, a.body, want)
			}
			if a := post(host); a.status != http.StatusOK || a.seen(t).Name != want || a.seen(t).Body != 4 {
				t.Fatalf("POST %s: %d, %s; want %s with the body", host, a.status, a.body, want)
			}
		}
	}
	if o := r.observe(); len(o.Unrouted) != 0 {
		t.Errorf("unrouted: %v", o.Unrouted)
	}
	// A spare that is let go is drained like any other.
	r.set(to("alive.example", "/", fresh))
	if _, drains := r.observe().Unrouted[stale]; !drains {
		t.Error("the spare that left the table is not drained")
	}
}
