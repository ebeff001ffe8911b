package hook_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"havn.internal/gitops/hook"
)

// polls runs a receiver in a time of its own and returns when it polled.
func polls(t *testing.T, kind hook.Kind, line string, test func(r *hook.Receiver)) (at []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := receiver(t, kind, line)
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		done := make(chan error)
		go func() { done <- r.Run(ctx, func() { at = append(at, time.Since(start)) }) }()
		test(r)
		time.Sleep(time.Minute)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run() = %v", err)
		}
	})
	return at
}

func deliver(t *testing.T, name string, r *hook.Receiver, body string) {
	t.Helper()
	h := http.Header{}
	senders[name].sign(h, newSecret, body)
	if got := send(r, h, body); got != http.StatusAccepted {
		t.Errorf("%s: %d", body, got)
	}
}

// The first hook polls at once, a flood of them once a second, and the last one is
// not lost.
func TestPollsAreApart(t *testing.T) {
	at := polls(t, hook.GitHub, newSecret, func(r *hook.Receiver) {
		for i := range 105 {
			deliver(t, "GitHub", r, fmt.Sprintf(`{"n":%d}`, i))
			time.Sleep(100 * time.Millisecond)
		}
	})
	if len(at) != 12 || at[0] != 0 || at[11] < 10400*time.Millisecond {
		t.Fatalf("%d polls, at %s", len(at), at)
	}
	for i := 1; i < len(at); i++ {
		if at[i]-at[i-1] < time.Second {
			t.Errorf("polls at %s and %s", at[i-1], at[i])
		}
	}
}

// What was delivered before is answered the same and does nothing.
func TestReplaysDoNothing(t *testing.T) {
	for name, s := range senders {
		at := polls(t, s.kind, s.line(newSecret), func(r *hook.Receiver) {
			for range 50 {
				deliver(t, name, r, push)
				time.Sleep(5 * time.Second)
			}
		})
		// Where the time is signed, a request that is signed anew is another one.
		if name == "Plain" || name == "Standard" || name == "GitLab signed" {
			if len(at) != 50 {
				t.Errorf("%s: %d polls of 50 deliveries", name, len(at))
			}
		} else if len(at) != 1 {
			t.Errorf("%s: %d polls of one delivery", name, len(at))
		}
	}
}

func TestAReplayOfASignedTime(t *testing.T) {
	at := polls(t, hook.Plain, newSecret, func(r *hook.Receiver) {
		h := http.Header{"X-Havn-Timestamp": {now()}, "X-Havn-Signature": {hex.EncodeToString(mac(newSecret, now(), ".", push))}}
		for range 4 {
			if got := send(r, h.Clone(), push); got != http.StatusAccepted {
				t.Errorf("%d", got)
			}
			time.Sleep(time.Minute)
		}
	})
	if len(at) != 1 {
		t.Errorf("polls at %s, want one", at)
	}
}

// A delivery id that an attacker has changed makes no new delivery of an old one.
func TestTheDeliveryIDIsNotTrusted(t *testing.T) {
	at := polls(t, hook.GitHub, newSecret, func(r *hook.Receiver) {
		for i := range 20 {
			h := http.Header{}
			senders["GitHub"].sign(h, newSecret, push)
			h.Set("X-GitHub-Delivery", fmt.Sprint(i))
			if got := send(r, h, push); got != http.StatusAccepted {
				t.Errorf("%d", got)
			}
			time.Sleep(2 * time.Second)
		}
	})
	if len(at) != 1 {
		t.Errorf("%d polls", len(at))
	}
}

// The memory is bounded in number and time; what it has forgotten polls again.
func TestTheMemoryIsBounded(t *testing.T) {
	at := polls(t, hook.GitHub, newSecret, func(r *hook.Receiver) {
		deliver(t, "GitHub", r, push)
		time.Sleep(25 * time.Hour)
		deliver(t, "GitHub", r, push)
		time.Sleep(2 * time.Second)
		for i := range 10_000 {
			deliver(t, "GitHub", r, fmt.Sprint(i))
		}
		time.Sleep(2 * time.Second)
		deliver(t, "GitHub", r, push)
	})
	if len(at) != 5 {
		t.Errorf("polls at %s, want five", at)
	}
}

// A ping is answered and polls nothing.
func TestPings(t *testing.T) {
	for name, header := range map[string][2]string{"GitHub": {"X-GitHub-Event", "ping"}, "Bitbucket": {"X-Event-Key", "diagnostics:ping"}} {
		at := polls(t, senders[name].kind, newSecret, func(r *hook.Receiver) {
			h := http.Header{}
			senders[name].sign(h, newSecret, push)
			h.Set(header[0], header[1])
			if got := send(r, h, push); got != http.StatusAccepted {
				t.Errorf("%s: %d", name, got)
			}
			unsigned := http.Header{}
			unsigned.Set(header[0], header[1])
			if got := send(r, unsigned, push); got != http.StatusUnauthorized {
				t.Errorf("%s, unsigned: %d", name, got)
			}
		})
		if len(at) != 0 {
			t.Errorf("%s: a ping polled", name)
		}
	}
}
