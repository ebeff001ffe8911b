//go:build e2e

package e2e

import (
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"havn.internal/e2e/traffic"
)

// What is under way when the switch comes is finished by the replica that began
// it, and that replica is there for as long.
func TestLongRequestsSpanASwitch(t *testing.T) {
	s := running(t, web("1", `rollout: drain: "60s"`), "1", "2")
	ctx, addr := t.Context(), s.http()
	const long = 6 * time.Second
	var g errgroup.Group
	begun := make(chan struct{})
	g.Go(func() error {
		_, err := traffic.Upload(ctx, addr, "web.test", "/", 600_000, 60, long, begun)
		return err
	})
	g.Go(func() error {
		_, err := traffic.Get(ctx, addr, "web.test", "/slow?ms=6000")
		return err
	})
	g.Go(func() error {
		_, err := traffic.Events(ctx, addr, "web.test", 60, long/60)
		return err
	})
	<-begun
	s.write(web("2", `rollout: drain: "60s"`))
	s.answers("2")
	if err := g.Wait(); err != nil {
		t.Errorf("a request that was under way at the switch: %v", err)
	}
	s.finish()
}

// An upload that is passed on as it comes has reached the stale replica before
// the switch, and goes on reaching it.
func TestAStreamedUploadSpansASwitch(t *testing.T) {
	unbuffered := func(version string) string {
		return site(svc("web", version, `rollout: drain: "60s"`), route("web.test", "web"), `routes: "web-test": body: buffering: false`)
	}
	s := running(t, unbuffered("1"), "1", "2")
	begun := make(chan struct{})
	var g errgroup.Group
	g.Go(func() error {
		a, err := traffic.Upload(t.Context(), s.http(), "web.test", "/", 600_000, 50, 5*time.Second, begun)
		if err == nil && a.Version != "1" {
			t.Errorf("an upload that began with version 1 was answered by %s", a.Version)
		}
		return err
	})
	<-begun
	s.write(unbuffered("2"))
	s.answers("2")
	if err := g.Wait(); err != nil {
		t.Errorf("an upload that was under way at the switch: %v", err)
	}
	s.finish()
}

func TestTheWebSocketOfAnotherServiceSurvivesDeploys(t *testing.T) {
	// The socket holds a worker of each configuration, so drains last until their
	// deadline.
	const drain = `rollout: drain: "2s"`
	chat := site(svc("chat", "1"), route("chat.test", "chat"))
	s := running(t, site(web("1", drain), chat), "1", "2")
	socket, err := traffic.OpenSocket(t.Context(), s.http(), "chat.test", "/ws", 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"2", "1", "2"} {
		s.apply(site(web(version, drain), chat))
		s.answers(version)
	}
	if echoes, err := socket.Close(); err != nil || echoes == 0 {
		t.Errorf("the socket of another service ended after %d messages: %v", echoes, err)
	}
	s.finish()
}
