package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxAnswer is how much of an answer is taken in, maxBody how much of its body is
// read, and maxExcerpt how much is shown.
const (
	maxAnswer  = 1 << 20
	maxBody    = 64 << 10
	maxExcerpt = 120
)

var errStatus = errors.New("unexpected status")

func (t target) http(ctx context.Context) (result, error) {
	url := "http://" + t.addr + t.check.Path
	// A query may hold a secret.
	path, _, _ := strings.Cut(t.check.Path, "?")
	what := "GET :" + t.port() + path + ": "
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return result{last: what + "no request can be made of the health check's path"}, err
	}
	req.Close = true
	req.Header.Set("User-Agent", "havn-probe")
	for name, value := range t.check.Headers {
		req.Header.Set(name, value)
	}
	if t.check.Host != "" {
		req.Host = t.check.Host
	}
	resp, body, err := t.ask(ctx, req)
	switch {
	case err != nil && resp != nil:
		return result{last: what + "the answer broke off: " + t.reason(err)}, err
	case err != nil:
		return result{last: what + t.reason(err)}, err
	case resp.StatusCode >= t.check.Status[0] && resp.StatusCode <= t.check.Status[1]:
		return result{last: what + status(resp.StatusCode)}, nil
	}
	r := result{last: fmt.Sprintf("%s%s, want %s%s", what, status(resp.StatusCode), want(t.check.Status), t.hostHint(resp.StatusCode))}
	if to := resp.Header.Get("Location"); to != "" {
		r.said = "redirects to " + excerpt([]byte(to))
	} else {
		r.said = excerpt(body)
	}
	return r, errStatus
}

// status is a code with the name that it has in RFC 9110, whatever the program calls it.
func status(code int) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
}

// hostHint names a usual cause: frameworks refuse requests for a host that they were not
// told of, and a probe asks for an address.
func (t target) hostHint(code int) string {
	refused := code == http.StatusBadRequest || code == http.StatusForbidden || code == http.StatusMisdirectedRequest
	if !refused || t.check.Host != "" {
		return ""
	}
	return " (if the program refuses the Host header, which is the replica's address, set health.http.host)"
}

// ask sends one request, on a connection of its own, and reads the beginning of the
// answer. http.Client does no more here, but in four goroutines and for half as much
// again: probes are most of what an idle havn does.
func (t target) ask(ctx context.Context, req *http.Request) (resp *http.Response, body []byte, err error) {
	conn, err := dial(ctx, t.addr)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := req.Write(conn); err != nil {
		return nil, nil, err
	}
	answer := bufio.NewReader(io.LimitReader(conn, maxAnswer))
	if _, err := answer.Peek(1); err != nil {
		return nil, nil, err
	}
	for resp == nil || resp.StatusCode < http.StatusOK && resp.StatusCode != http.StatusSwitchingProtocols {
		if resp, err = http.ReadResponse(answer, req); err != nil {
			return nil, nil, err
		}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return resp, body, err
}

func want(status [2]int) string {
	if status[0] == status[1] {
		return strconv.Itoa(status[0])
	}
	return fmt.Sprintf("%d-%d", status[0], status[1])
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
