package hook_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"havn.internal/gitops/egress/pipe"
	"havn.internal/gitops/hook"
)

// serve runs a receiver on a listener of its own.
func serve(t *testing.T, r *hook.Receiver) (address string, polled *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	polled = &atomic.Int32{}
	running.Go(func() { _ = hook.Serve(ctx, l, r, slog.New(slog.DiscardHandler)) })
	running.Go(func() { _ = r.Run(ctx, func() { polled.Add(1) }) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return "http://" + l.Addr().String() + "/hook", polled
}

// each sends n requests, a few at a time, and counts the answers.
func each(t *testing.T, n int, request func(i int) *http.Request) map[int]int {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	defer transport.CloseIdleConnections()
	answers := map[int]int{}
	var mu sync.Mutex
	var senders sync.WaitGroup
	var next atomic.Int32
	for range 8 {
		senders.Go(func() {
			for i := next.Add(1); int(i) <= n; i = next.Add(1) {
				code := 0
				if resp, err := transport.RoundTrip(request(int(i))); err == nil {
					code = resp.StatusCode
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				mu.Lock()
				answers[code]++
				mu.Unlock()
			}
		})
	}
	senders.Wait()
	return answers
}

func post(t *testing.T, address string, body io.Reader, h http.Header) *http.Request {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, body)
	if err != nil {
		t.Error(err)
	}
	h.Set("Content-Type", "application/json")
	req.Header = h
	return req
}

// Thousands of wrong hooks, replays and huge bodies cost neither memory nor polls.
func TestFlood(t *testing.T) {
	r := receiver(t, hook.GitHub, newSecret)
	address, polled := serve(t, r)
	wrong := func() http.Header {
		return http.Header{"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac("not the secret", push))}}
	}
	runtime.GC()
	var before, peak runtime.MemStats
	runtime.ReadMemStats(&before)
	watch, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		for tick := time.Tick(20 * time.Millisecond); watch.Err() == nil; {
			<-tick
			var m runtime.MemStats
			if runtime.ReadMemStats(&m); m.HeapAlloc > peak.HeapAlloc {
				peak = m
			}
		}
	})
	if got := each(t, 10_000, func(int) *http.Request { return post(t, address, strings.NewReader(push), wrong()) }); got[401] != 10_000 {
		t.Errorf("10,000 wrong hooks: %v", got)
	}
	if n := polled.Load(); n != 0 {
		t.Errorf("%d polls of wrong hooks", n)
	}
	got := each(t, 1_000, func(int) *http.Request {
		h := http.Header{}
		senders["GitHub"].sign(h, newSecret, push)
		return post(t, address, strings.NewReader(push), h)
	})
	if got[202] != 1_000 {
		t.Errorf("1,000 replays: %v", got)
	}
	// As large as GitHub sends, announced as larger, and larger without saying so. Who
	// goes on sending what is not read may lose the connection before the answer.
	got = each(t, 100, func(i int) *http.Request {
		size := int64(25 << 20)
		req := post(t, address, zeros(size+int64(i%3)), wrong())
		if i%3 == 1 {
			req.ContentLength = size + 1
		}
		return req
	})
	if got[401] < 33 || got[401]+got[413]+got[0] != 100 || got[413] == 0 {
		t.Errorf("100 huge bodies: %v", got)
	}
	stop()
	watching.Wait()
	if n := polled.Load(); n != 1 {
		t.Errorf("%d polls of one delivery", n)
	}
	if grown := int64(peak.HeapAlloc) - int64(before.HeapAlloc); grown > 24<<20 {
		t.Errorf("the heap grew by %d MiB, client included", grown>>20)
	} else {
		t.Logf("the heap grew by %d KiB at most, client included", grown>>10)
	}
}

// A body is taken up to what GitHub sends, whatever the signature is.
func TestTheBodyIsCapped(t *testing.T) {
	r := receiver(t, hook.GitHub, newSecret)
	for size, want := range map[int64]int{25 << 20: http.StatusAccepted, 25<<20 + 1: http.StatusRequestEntityTooLarge} {
		sum := hmac.New(sha256.New, []byte(newSecret))
		_, _ = io.Copy(sum, zeros(size))
		req := httptest.NewRequest(http.MethodPost, "/", zeros(size))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(sum.Sum(nil)))
		w := httptest.NewRecorder()
		if r.ServeHTTP(w, req); w.Code != want {
			t.Errorf("%d bytes: %d, want %d", size, w.Code, want)
		}
	}
}

// Whoever sends a body slowly, or never, is given up; the others are served.
func TestSlowBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n pipe.Network
		stop := n.Serve("hook:80", receiver(t, hook.GitHub, newSecret))
		var slow sync.WaitGroup
		var turnedAway atomic.Int32
		for range 100 {
			slow.Go(func() {
				c, err := n.Dial(t.Context(), "tcp", "hook:80")
				if err != nil {
					t.Error(err)
					return
				}
				defer func() { _ = c.Close() }()
				start := time.Now()
				fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: hook\r\nContent-Type: application/json\r\nContent-Length: 100\r\nX-Hub-Signature-256: sha256=%064x\r\n\r\n{", 0)
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil || resp.StatusCode == http.StatusAccepted || time.Since(start) > 15*time.Second {
					t.Errorf("%v, %v after %s", resp, err, time.Since(start))
				}
				if err == nil && resp.StatusCode == http.StatusServiceUnavailable {
					turnedAway.Add(1)
				}
			})
		}
		slow.Wait()
		if n := turnedAway.Load(); n != 100-32 {
			t.Errorf("%d of 100 were turned away", n)
		}
		transport := &http.Transport{DialContext: n.Dial}
		h := http.Header{}
		senders["GitHub"].sign(h, newSecret, push)
		resp, err := transport.RoundTrip(post(t, "http://hook/", strings.NewReader(push), h))
		if err != nil || resp.StatusCode != http.StatusAccepted {
			t.Errorf("afterwards: %v, %v", resp, err)
		}
		if err == nil {
			_ = resp.Body.Close()
		}
		transport.CloseIdleConnections()
		stop()
	})
}

// Answers tell nothing, neither about what is wrong nor what listens.
func TestAnswersSayNothing(t *testing.T) {
	address, _ := serve(t, receiver(t, hook.GitHub, newSecret))
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		req := post(t, address, nil, http.Header{})
		req.Method = method
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusMethodNotAllowed || len(body) > 0 || resp.Header.Get("Server") != "" {
			t.Errorf("%s: %d %q", method, resp.StatusCode, body)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// Connections beyond the bound are dropped, and there are places again afterwards.
func TestConnectionsAreBounded(t *testing.T) {
	address, _ := serve(t, receiver(t, hook.GitHub, newSecret))
	host := strings.TrimSuffix(strings.TrimPrefix(address, "http://"), "/hook")
	var conns []net.Conn
	for range 300 {
		c, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	_ = conns[299].SetReadDeadline(time.Now().Add(2 * time.Minute))
	if _, err := conns[299].Read(make([]byte, 1)); err != io.EOF && !strings.Contains(fmt.Sprint(err), "reset") {
		t.Errorf("connection 300: %v", err)
	}
	for _, c := range conns {
		_ = c.Close()
	}
	for end := time.Now().Add(2 * time.Minute); ; {
		if got := each(t, 1, func(int) *http.Request { return post(t, address, nil, http.Header{}) }); got[401] == 1 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("no place is free again")
		}
	}
}
