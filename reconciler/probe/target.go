package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// maxBody is how much of an answer is read, and maxExcerpt how much is shown.
const (
	maxBody    = 64 << 10
	maxExcerpt = 120
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

// clientOf follows no redirects, keeps no connections and asks no proxy: a probe is
// one request to one replica. It connects no longer than ctx lasts: net/http goes on
// to connect for a request that has ended, in case another wants the connection.
func clientOf(ctx context.Context) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: nil, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
			DialContext: func(_ context.Context, network, addr string) (net.Conn, error) { return dial(ctx, network, addr) },
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// probe asks once. The result is for people, whatever it is.
func (t target) probe(ctx context.Context) (result string, err error) {
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
		return fmt.Sprintf("has run for %s of %s", ran.Round(time.Millisecond), t.check.Settle), errNotYet
	}
	return "runs", nil
}

var (
	errNotYet = errors.New("not yet")
	errStatus = errors.New("unexpected status")
)

// redial is when a connection that gets no answer is tried anew. A replica whose
// network is just coming up drops the first packet, and the kernel would send the
// next one after a second.
const redial = 200 * time.Millisecond

func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: redial}
	for {
		conn, err := d.DialContext(ctx, network, addr)
		var netErr net.Error
		if err == nil || ctx.Err() != nil || !errors.As(err, &netErr) || !netErr.Timeout() {
			return conn, err
		}
	}
}

func (t target) tcp(ctx context.Context) (string, error) {
	conn, err := dial(ctx, "tcp", t.addr)
	if err != nil {
		return "connect to " + t.addr + ": " + t.reason(err), err
	}
	_ = conn.Close()
	return "connect to " + t.addr + ": ok", nil
}

func (t target) http(ctx context.Context) (string, error) {
	url := "http://" + t.addr + t.check.Path
	what := "GET " + url + ": "
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return what + err.Error(), err
	}
	req.Header.Set("User-Agent", "havn-probe")
	for name, value := range t.check.Headers {
		req.Header.Set(name, value)
	}
	if t.check.Host != "" {
		req.Host = t.check.Host
	}
	resp, err := clientOf(ctx).Do(req)
	if err != nil {
		return what + t.reason(err), err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return what + "the answer broke off: " + t.reason(err), err
	}
	if resp.StatusCode >= t.check.Status[0] && resp.StatusCode <= t.check.Status[1] {
		return what + resp.Status, nil
	}
	result := fmt.Sprintf("%s%s, want %s", what, resp.Status, want(t.check.Status))
	if to := resp.Header.Get("Location"); to != "" {
		result += ", redirects to " + to
	} else if text := excerpt(body); text != "" {
		result += ": " + text
	}
	return result, errStatus
}

func want(status [2]int) string {
	if status[0] == status[1] {
		return strconv.Itoa(status[0])
	}
	return fmt.Sprintf("%d-%d", status[0], status[1])
}

// reason puts network errors into words that say what to look at.
func (t target) reason(err error) string {
	var netErr net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens there"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to the replica"
	case errors.Is(err, syscall.ECONNRESET):
		return "connection reset by the replica"
	case errors.As(err, &netErr) && netErr.Timeout():
		return "no answer within " + t.check.Timeout.String()
	case errors.Is(err, io.EOF):
		return "the replica closed the connection without an answer"
	}
	return err.Error()
}

// excerpt is the beginning of a body, printable and on one line.
func excerpt(body []byte) string {
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, string(body))
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > maxExcerpt {
		return string(r[:maxExcerpt]) + "..."
	}
	return text
}
