package nginx

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// An answer is what came back for one request.
type answer struct {
	status int
	header http.Header
	body   string
}

// raw sends bytes and reads one answer.
func (r *rig) raw(request string) answer {
	r.t.Helper()
	return rawTo(r.t, r.addr, request)
}

func rawTo(t *testing.T, addr, request string) answer {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// get asks for a path of a host on a connection of its own.
func (r *rig) get(host, path string, headers ...string) answer {
	r.t.Helper()
	lines := append([]string{"GET " + path + " HTTP/1.1", "Host: " + host, "Connection: close"}, headers...)
	return r.raw(strings.Join(lines, "\r\n") + "\r\n\r\n")
}
