package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The traffic: clients, each with one connection kept alive, a request every
// pause.
const (
	clients = 10
	pause   = 100 * time.Millisecond
)

// A traffic is what was asked and answered so far.
type traffic struct {
	addr   string
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu       sync.Mutex
	answered int
	failed   []string
	last     string // the inventory function's last answer
}

// send begins to send requests; stop ends it.
func send(addr string) *traffic {
	ctx, cancel := context.WithCancel(context.Background())
	t := &traffic{addr: addr, cancel: cancel}
	for i := range clients {
		t.wait.Go(func() { t.client(ctx, i) })
	}
	return t
}

func (t *traffic) stop() {
	t.cancel()
	t.wait.Wait()
}

// client asks the function and the auth service in turn.
func (t *traffic) client(ctx context.Context, i int) {
	var c *connection
	for n := i; ctx.Err() == nil; n++ {
		path, method := "/inventory/check", http.MethodGet
		if n%2 == 1 {
			path, method = "/auth", http.MethodPost
		}
		body, keep, err := "", false, error(nil)
		if c == nil {
			c, err = dial(t.addr)
		}
		if err == nil {
			body, keep, err = c.ask(method, path)
		}
		t.count(path, body, err)
		if c != nil && !keep {
			_ = c.Close()
			c = nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	if c != nil {
		_ = c.Close()
	}
}

func (t *traffic) count(path, body string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.failed = append(t.failed, fmt.Sprintf("%s %s: %v", time.Now().Format("15:04:05.000"), path, err))
		return
	}
	t.answered++
	if path == "/inventory/check" {
		t.last = body
	}
}

// total is the count in one line; failures are named.
func (t *traffic) total() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("%d requests answered, %d failed", t.answered, len(t.failed))
	for _, f := range t.failed[:min(3, len(t.failed))] {
		line += "\n   " + f
	}
	return line
}

func (t *traffic) lost() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.failed)
}

func (t *traffic) lastAnswer() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// A connection is written to directly: Go's own client would send a request again
// whose connection is closed under it, and so hide a loss.
type connection struct {
	net.Conn
	r *bufio.Reader
}

func dial(addr string) (*connection, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &connection{c, bufio.NewReader(c)}, nil
}

func (c *connection) ask(method, path string) (body string, keep bool, err error) {
	const limit = 10 * time.Second
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		return "", false, err
	}
	payload := ""
	if method == http.MethodPost {
		payload = strings.Repeat("x", 1000)
	}
	if _, err = fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: api.coolvds-client.no\r\nAuthorization: Bearer ola\r\nContent-Length: %d\r\n\r\n%s", method, path, len(payload), payload); err != nil {
		return "", false, err
	}
	answer, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return "", false, err
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", answer.Status)
	}
	return string(text), !answer.Close, err
}
