package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A target is what one probe asks.
type target struct {
	addr    string // "IP:PORT"; empty if there is no port to ask
	check   spec.Health
	started time.Time
}

func newTarget(c plan.Container, check spec.Health) target {
	t := target{check: check, started: c.StartedAt}
	port := check.Port
	if port == 0 {
		port = c.Release.Service.Port
	}
	if port != 0 {
		t.addr = net.JoinHostPort(c.Addr.String(), strconv.Itoa(port))
	}
	return t
}

// A result is what one probe found, for people: in words of ours, and in those of the
// program that answered.
type result struct{ last, said string }

// probe asks once.
func (t target) probe(ctx context.Context) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, t.check.Timeout.Std())
	defer cancel()
	switch {
	case t.check.Kind == spec.HealthHTTP:
		return t.http(ctx)
	case t.addr != "":
		return t.tcp(ctx)
	}
	ran := time.Since(t.started)
	if ran < t.check.Settle.Std() {
		return result{last: fmt.Sprintf("has run for %s of %s", ran.Round(time.Millisecond), t.check.Settle)}, errNotYet
	}
	return result{last: "runs"}, nil
}

var errNotYet = errors.New("not yet")

// redial is when a connection that gets no answer is tried anew. A replica whose
// network is just coming up drops the first packet, and the kernel would send the
// next one after a second.
const redial = 200 * time.Millisecond

// A probe is over long before the kernel would ask whether its peer is still there.
func dial(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: redial, KeepAlive: -1}
	for {
		conn, err := d.DialContext(ctx, "tcp", addr)
		var netErr net.Error
		if err == nil || ctx.Err() != nil || !errors.As(err, &netErr) || !netErr.Timeout() {
			return conn, err
		}
	}
}

func (t target) tcp(ctx context.Context) (result, error) {
	what := "connect to port " + t.port() + ": "
	conn, err := dial(ctx, t.addr)
	if err != nil {
		return result{last: what + t.reason(err)}, err
	}
	_ = conn.Close()
	return result{last: what + "ok"}, nil
}

// port is the port that is asked. The address is the replica's, and of no interest
// where the replica is named.
func (t target) port() string {
	_, port, _ := net.SplitHostPort(t.addr)
	return port
}

// reason puts network errors into words that say what to look at.
func (t target) reason(err error) string {
	var netErr net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens on its IPv4 address; listen on 0.0.0.0, not on 127.0.0.1 or IPv6 only"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to the replica"
	case errors.Is(err, syscall.ECONNRESET):
		return "connection reset by the replica"
	case errors.As(err, &netErr) && netErr.Timeout():
		return "no answer within " + t.check.Timeout.String()
	case errors.Is(err, io.EOF):
		return "the replica closed the connection without an answer"
	}
	return "no valid answer"
}
