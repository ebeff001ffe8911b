package traffic

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// Upload posts size bytes in so many parts, evenly over the time, and returns the
// answer. Sent is closed, if it is given, when the first part is out.
func Upload(ctx context.Context, addr, host, path string, size, parts int, over time.Duration, sent chan<- struct{}) (Answer, error) {
	c, err := dial(ctx, addr, over)
	if err != nil {
		return Answer{}, err
	}
	defer c.close()
	r := request{method: http.MethodPost, host: host, path: path, body: payload(size)}
	if _, err := c.Write(r.head()); err != nil {
		return Answer{}, fmt.Errorf("upload: %w", err)
	}
	for i := range parts {
		part := r.body[size*i/parts : size*(i+1)/parts]
		if _, err := c.Write(part); err != nil {
			return Answer{}, fmt.Errorf("upload, part %d of %d: %w", i+1, parts, err)
		}
		if i == 0 && sent != nil {
			close(sent)
		}
		select {
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		case <-time.After(over / time.Duration(parts)):
		}
	}
	a, _, err := c.receive(r.method)
	if err != nil {
		return a, err
	}
	return a, a.of(r)
}

// Get sends one request on a connection of its own and returns the answer.
func Get(ctx context.Context, addr, host, path string) (Answer, error) {
	c, err := dial(ctx, addr, 0)
	if err != nil {
		return Answer{}, err
	}
	defer c.close()
	a, _, err := c.send(request{method: http.MethodGet, host: host, path: path})
	return a, err
}

// Events reads a stream of n events to its end and returns how many came.
func Events(ctx context.Context, addr, host string, n int, every time.Duration) (int, error) {
	c, err := dial(ctx, addr, time.Duration(n)*every)
	if err != nil {
		return 0, err
	}
	defer c.close()
	path := fmt.Sprintf("/events?n=%d&ms=%d", n, every.Milliseconds())
	if _, err := c.Write(request{method: http.MethodGet, host: host, path: path}.head()); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return 0, err
	}
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("answered %s", response.Status)
	}
	got, lines := 0, bufio.NewScanner(response.Body)
	for lines.Scan() {
		switch line := lines.Text(); {
		case line == "data: end":
			return got, nil
		case strings.HasPrefix(line, "data: "):
			got++
		}
	}
	return got, fmt.Errorf("the stream ended after %d of %d events: %v", got, n, lines.Err())
}

// dial connects for one exchange that takes as long as told, and closes the
// connection when ctx ends.
func dial(ctx context.Context, addr string, long time.Duration) (*conn, error) {
	var d net.Dialer
	n, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return newConn(n), n.SetDeadline(time.Now().Add(long + requestDeadline))
}
