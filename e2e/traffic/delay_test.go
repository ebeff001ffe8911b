package traffic_test

import (
	"bytes"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"havn.internal/e2e/traffic"
)

const oneWay = 10 * time.Millisecond

// delayed puts the proxy before a server.
func delayed(t *testing.T, target string) string {
	t.Helper()
	d, err := traffic.StartDelay(target, oneWay)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d.Addr()
}

// peer accepts one connection and hands it to f.
func peer(t *testing.T, f func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		f(c.(*net.TCPConn))
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

func TestADelayKeepsOrderBytesAndHalfClose(t *testing.T) {
	addr := delayed(t, peer(t, func(c *net.TCPConn) {
		_, _ = io.Copy(c, c) // until the client's end of sending
		_ = c.CloseWrite()
	}))
	n, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	c := n.(*net.TCPConn)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	start := time.Now()
	go func() {
		_, _ = c.Write(sent)
		_ = c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("got %d of %d bytes back, %v", len(got), len(sent), err)
	}
	if took := time.Since(start); took < 2*oneWay {
		t.Errorf("there and back in %s, less than a round trip", took)
	}
}

func TestARequestToAnEndAlreadyClosedIsLostThroughADelay(t *testing.T) {
	closed := make(chan struct{})
	addr := delayed(t, peer(t, func(c *net.TCPConn) {
		_ = c.Close()
		close(closed)
	}))
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	<-closed
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return // the reset came at once
	}
	if answer, err := io.ReadAll(c); len(answer) > 0 {
		t.Errorf("got %q, %v from a closed end", answer, err)
	}
}

func TestALoadThroughADelayLosesNothing(t *testing.T) {
	s := httptest.NewServer(echo("web", "1"))
	t.Cleanup(s.Close)
	r := send(t, traffic.Load{Addr: delayed(t, s.Listener.Addr().String()), Service: "web"}, 200)
	if len(r.Lost) != 0 || r.Slowest < 2*oneWay {
		t.Errorf("got %s", r)
	}
}
