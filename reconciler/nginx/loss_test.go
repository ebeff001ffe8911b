package nginx

import (
	"context"
	"testing"
	"time"

	"havn.internal/e2e/traffic"
)

// TestNoRequestIsLostOverReloads: a client that keeps its connections and never
// retries, near by and with a round trip in between, over a hundred swaps between
// replicas each of which is stopped when it is drained.
func TestNoRequestIsLostOverReloads(t *testing.T) {
	r := newRig(t).start()
	delay, err := traffic.StartDelay(r.addr, 25*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(delay.Close)
	a, b := answers(t, "app", "a"), answers(t, "app", "b")
	r.set(to("a.example", "/", a))
	near := traffic.Load{Addr: r.addr, Host: "a.example", Path: "/", Service: "app", Rate: 150}.Start()
	far := traffic.Load{Addr: delay.Addr(), Host: "a.example", Path: "/", Service: "app", Rate: 100}.Start()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	const swaps = 100
	for i := range swaps {
		next := a
		if i%2 == 0 {
			next = b
		}
		if err := r.SetRoutes(ctx, table(to("a.example", "/", next))); err != nil {
			t.Error(err)
			break
		}
	}
	for name, load := range map[string]*traffic.Stream{"near": near, "far": far} {
		report := load.Stop()
		if len(report.Lost) > 0 || len(report.Versions) != 2 {
			t.Errorf("%s: %s", name, report)
		}
		t.Logf("%d swaps, %s: %s", swaps, name, report)
	}
}
