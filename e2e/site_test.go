//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"havn.internal/e2e/images"
)

// example makes the example site the scenario's spec.
func (s *scenario) example() {
	s.t.Helper()
	if err := images.Example(s.t.Context(), "site/apps"); err != nil {
		s.t.Fatal(err)
	}
	if err := os.CopyFS(s.dir, os.DirFS("site")); err != nil {
		s.t.Fatal(err)
	}
}

// rewrite changes a file of the spec.
func (s *scenario) rewrite(file, from, to string) {
	s.t.Helper()
	path := filepath.Join(s.dir, file)
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		s.t.Fatalf("%s has no %q", file, from)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), from, to)), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// An answered request: the status and the body as it came.
type answered struct {
	status int
	body   string
}

// ask sends one request, head and body as they are, on a connection of its own.
func ask(t testing.TB, addr, request string) answered {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return askOn(t, c, bufio.NewReader(c), request)
}

func askOn(t testing.TB, c net.Conn, r *bufio.Reader, request string) answered {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.WriteString(c, request) // what is refused need not be read to its end
	}()
	method, _, _ := strings.Cut(request, " ")
	a, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%.60q: %v", request, err)
	}
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatalf("%.60q: %v", request, err)
	}
	if a.StatusCode >= 400 {
		_ = c.Close()
	}
	<-sent
	return answered{a.StatusCode, string(body)}
}

func get(host, path string) string {
	return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host)
}

// The article's function, its Redis and its auth service, as the example site has
// them: the stock that is read is what lies in Redis, and it outlives Redis's
// container.
func TestExampleSite(t *testing.T) {
	s := newScenario(t)
	s.example()
	s.start()
	s.converge()
	for _, host := range []string{"api.coolvds-client.no", "localhost"} {
		s.stock(host, "17")
		if a := ask(t, s.http(), get(host, "/auth")); a.status != http.StatusUnauthorized || !strings.Contains(a.body, `"ip":"127.0.0.1"`) {
			t.Errorf("%s/auth: %+v", host, a)
		}
	}
	if env := docker(t, "inspect", "--format", "{{.Config.Env}}", s.replicas("inventory")[0]); !strings.Contains(env, "NODE_ENV=production") {
		t.Errorf("inventory has %s", env)
	}

	docker(t, "exec", s.replicas("redis")[0], "redis-cli", "set", "item_42", "5")
	before := s.replicas("redis")[0]
	s.rewrite("services.cue", `"--appendonly", "yes"`, `"--appendonly", "yes", "--maxclients", "200"`)
	s.converge()
	if after := s.replicas("redis")[0]; after == before {
		t.Errorf("redis was not replaced: %s", after)
	}
	s.stock("localhost", "5")
	s.finish()
}

// stock waits until the function tells this stock.
func (s *scenario) stock(host, want string) {
	s.t.Helper()
	var last answered
	s.poll("stock "+want, func() bool {
		last = ask(s.t, s.http(), get(host, "/inventory/check"))
		var got struct {
			ID          int
			Stock, Node string
		}
		return json.Unmarshal([]byte(last.body), &got) == nil && got.ID == 42 && got.Stock == want && strings.HasPrefix(got.Node, "inventory-")
	}, func() string { return fmt.Sprintf("%+v", last) })
}
