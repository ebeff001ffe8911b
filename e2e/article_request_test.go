//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const (
	kilo = 1 << 10
	mega = 1 << 20
)

func post(path string, bytes int, headers ...string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: api.coolvds-client.no\r\nContent-Length: %d\r\n%s\r\n%s",
		path, bytes, strings.Join(append(headers, ""), "\r\n"), strings.Repeat("x", bytes))
}

func with(method, path string, headers ...string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: api.coolvds-client.no\r\n%s\r\n", method, path, strings.Join(append(headers, ""), "\r\n"))
}

// Every request gets the same answer from the article's nginx.conf and from the
// example site, and arrives as the same, but for what [echo.like] declares.
func TestArticleRequestByRequest(t *testing.T) {
	a := newArticle(t)
	here, there := client(t, a.http()), client(t, a.addr)
	for name, request := range map[string]string{
		"auth":                     get("api.coolvds-client.no", "/auth"),
		"below auth":               get("api.coolvds-client.no", "/auth/login?next=%2Fa&b=c"),
		"inventory":                get("api.coolvds-client.no", "/inventory"),
		"inventory with query":     get("api.coolvds-client.no", "/inventory?item=42"),
		"below inventory":          get("api.coolvds-client.no", "/inventory/check?item=42"),
		"spaces":                   get("api.coolvds-client.no", "/inventory/a%20b"),
		"another host":             get("other.test", "/auth"),
		"port in host":             get("api.coolvds-client.no:8080", "/auth"),
		"no such path":             get("api.coolvds-client.no", "/nothing"),
		"a forged address":         with("GET", "/auth", "X-Real-IP: 192.0.2.1"),
		"connection is the hop's":  with("GET", "/auth", "Connection: keep-alive, X-Own"),
		"connection to be closed":  with("GET", "/inventory", "Connection: close"),
		"HTTP/1.0":                 "GET /auth HTTP/1.0\r\nHost: api.coolvds-client.no\r\n\r\n",
		"HEAD":                     with("HEAD", "/auth"),
		"PUT":                      with("PUT", "/auth", "Content-Length: 0"),
		"DELETE":                   with("DELETE", "/inventory/42"),
		"own headers":              with("GET", "/auth", "Authorization: Bearer ola", "Cookie: a=b; c=d", "X-Own: 1"),
		"a small body":             post("/auth", 100),
		"a body beyond the buffer": post("/auth", 100*kilo),
		"the largest body":         post("/inventory/stock", 8*mega),
		"a body too large":         post("/auth", 8*mega+1),
		"chunks": with("POST", "/inventory/x", "Transfer-Encoding: chunked") +
			"5\r\nhello\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			written, byHavn := ask(t, a.addr, request), ask(t, a.http(), request)
			if written.status != byHavn.status {
				t.Fatalf("the article answers %d, havn %d", written.status, byHavn.status)
			}
			if written.status != http.StatusOK || written.body == "" {
				return
			}
			var old, now echo
			for _, one := range []struct {
				text string
				into *echo
			}{{written.body, &old}, {byHavn.body, &now}} {
				if err := json.Unmarshal([]byte(one.text), one.into); err != nil {
					t.Fatal(err)
				}
			}
			if old.Service == "auth" && old.Headers["x-real-ip"] != there {
				t.Errorf("the article tells auth %q, the client is %q", old.Headers["x-real-ip"], there)
			}
			if now = now.like(t, old, asked(request), here); !reflect.DeepEqual(now, old) {
				t.Errorf("by the article\n  %+v\nby havn\n  %+v", old, now)
			}
		})
	}
	a.bordersBelongToSegments(t)
	a.connectionsAreReused(t)
	a.bodiesAreBuffered(t)
	a.finishBeside(t)
}

// asked is the host a request asks for.
func asked(request string) string {
	_, rest, _ := strings.Cut(request, "Host: ")
	host, _, _ := strings.Cut(rest, "\r\n")
	return host
}

// What begins like a path is not below it: a difference that is meant.
func (a *article) bordersBelongToSegments(t *testing.T) {
	for _, path := range []string{"/authx", "/inventoryx"} {
		request := get("api.coolvds-client.no", path)
		if old, now := ask(t, a.addr, request).status, ask(t, a.http(), request).status; old != http.StatusOK || now != http.StatusNotFound {
			t.Errorf("%s: the article answers %d, havn %d; want 200 and 404", path, old, now)
		}
	}
}

// keepalive 64: nginx uses one connection to the service again and again.
func (a *article) connectionsAreReused(t *testing.T) {
	for _, path := range []string{"/auth", "/inventory/check"} {
		for who, addr := range map[string]string{"the article": a.addr, "havn": a.http()} {
			if n := connections(t, addr, path, 30); n != 1 {
				t.Errorf("%s: %s uses %d connections for 30 requests", path, who, n)
			}
		}
	}
}

// client_body_buffer_size 10K: nginx keeps a body of up to a quarter more in
// memory, and tells of every one that it writes to a file.
func (a *article) bodiesAreBuffered(t *testing.T) {
	logs := map[string]func() string{
		a.addr: func() string { out, _ := tryDockerBoth("logs", a.nginx); return out },
		a.http(): func() string {
			out, err := os.ReadFile(filepath.Join(a.state, "nginx", "error.log"))
			if err != nil {
				t.Fatal(err)
			}
			return string(out)
		},
	}
	const told = "is buffered to a temporary file"
	for addr, log := range logs {
		for size, more := range map[int]int{12 * kilo: 0, 14 * kilo: 1} {
			before := strings.Count(log(), told)
			if got := ask(t, addr, post("/auth", size)).status; got != http.StatusOK {
				t.Fatalf("%s: %d bytes: status %d", addr, size, got)
			}
			if got := strings.Count(log(), told) - before; got != more {
				t.Errorf("%s: a body of %d bytes was written to a file %d times, want %d", addr, size, got, more)
			}
		}
	}
}

// finishBeside ends the article's nginx before the scenario is checked.
func (a *article) finishBeside(t *testing.T) {
	t.Helper()
	a.remove()
	a.finish()
}
