package traffic

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// A Socket is a WebSocket that is kept busy.
type Socket struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error
	echoes int
}

// OpenSocket opens a WebSocket to the test server and sends a message at the
// interval, each of which must come back. Close must be called.
func OpenSocket(ctx context.Context, addr, host, path string, every time.Duration) (*Socket, error) {
	ctx, cancel := context.WithCancel(ctx)
	c, _, err := websocket.Dial(ctx, "ws://"+host+path, &websocket.DialOptions{HTTPClient: dialer(addr)})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("open socket: %w", err)
	}
	s := &Socket{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		defer c.CloseNow()
		s.err = s.talk(ctx, c, every)
	}()
	return s, nil
}

// Close ends the socket and returns how many messages came back, and the error
// that ended it before, if any.
func (s *Socket) Close() (int, error) {
	s.cancel()
	<-s.done
	return s.echoes, s.err
}

func (s *Socket) talk(ctx context.Context, c *websocket.Conn, every time.Duration) error {
	for i := 0; ; i++ {
		message := fmt.Sprintf("message %d", i)
		if err := c.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
			return unless(ctx, err)
		}
		_, got, err := c.Read(ctx)
		if err != nil {
			return unless(ctx, err)
		}
		if !strings.HasSuffix(string(got), message) {
			return fmt.Errorf("sent %q, got %q", message, got)
		}
		s.echoes++
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}

// unless drops an error that the end of the context brought about.
func unless(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// dialer is a client that connects to addr whatever the URL says.
func dialer(addr string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, addr)
		},
	}}
}
