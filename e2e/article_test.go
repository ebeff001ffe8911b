//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"havn.internal/e2e/images"
)

// An article is the seed's own nginx.conf in an nginx of its own, before two
// services that say what arrives, and the example site's routes by havn before the
// same two.
type article struct {
	*scenario
	nginx string // the container with the article's nginx
	addr  string // its address
}

// An echo is what a service says that it received.
type echo struct {
	Service, Method, URL, Version string
	Headers                       map[string]string
	Bytes, Peer                   int
}

func newArticle(t *testing.T) *article {
	t.Helper()
	s := newScenario(t)
	a := &article{scenario: s, nginx: s.site() + "-article"}
	for _, ensure := range []func() (string, error){
		func() (string, error) { return images.Nginx(t.Context()) }, func() (string, error) { return images.Node(t.Context()) },
	} {
		if _, err := ensure(); err != nil {
			t.Fatal(err)
		}
	}
	a.written(t)
	a.byHavn(t)
	return a
}

// written starts the article's nginx, and the services where its conf has them.
func (a *article) written(t *testing.T) {
	t.Helper()
	conf, err := os.ReadFile("testdata/article.conf")
	if err != nil {
		t.Fatal(err)
	}
	main := filepath.Join(filepath.Dir(a.dir), "nginx.conf")
	text := "error_log stderr warn;\nevents {}\nhttp {\n" + string(conf) + "}\n"
	if err := os.WriteFile(main, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("testdata/echo.js")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.remove)
	a.remove()
	docker(t, "run", "--detach", "--name", a.nginx, "--volume", main+":/etc/nginx/nginx.conf:ro", "nginx:1.30")
	for name, port := range map[string]string{"auth": "3001", "inventory": "3002"} {
		docker(t, "run", "--detach", "--name", a.nginx+"-"+name, "--network", "container:"+a.nginx, "--volume", script+":/echo.js:ro",
			"--env", "NAME="+name, "--env", "PORT="+port, "node:24-slim", "node", "/echo.js")
	}
	a.addr = docker(t, "inspect", "--format", "{{.NetworkSettings.IPAddress}}", a.nginx) + ":80"
	for _, path := range []string{"/auth", "/inventory"} {
		a.poll("the article's nginx answers", func() bool { return ask(t, a.addr, get("x", path)).status == http.StatusOK }, func() string { return path })
	}
}

func (a *article) remove() {
	for _, name := range []string{a.nginx + "-auth", a.nginx + "-inventory", a.nginx} {
		_, _ = tryDocker("rm", "--force", "--volumes", name)
	}
}

// byHavn has havn route to the services by the example site's own routes.
func (a *article) byHavn(t *testing.T) {
	t.Helper()
	if err := os.CopyFS(a.dir, os.DirFS("site")); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("testdata/echo.js")
	if err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(string(script))
	if err != nil {
		t.Fatal(err)
	}
	text := "package site\n"
	for name, port := range map[string]int{"auth": 3001, "inventory": 3002} {
		text += fmt.Sprintf("services: %s: {image: \"node:24-slim\", command: [\"node\", \"/echo.js\"], port: %d\n\tenv: {NAME: %q, PORT: %d}\n\tfiles: \"/echo.js\": content: %s\n}\n",
			name, port, name, port, quoted)
	}
	if err := os.WriteFile(filepath.Join(a.dir, "services.cue"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	a.start()
	a.converge()
}

// added are the headers that havn tells services beyond the article.
var added = []string{"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}

// like takes from what arrived by havn's gateway the differences that are meant:
//   - a service sees the host that the client asked for; the article's nginx calls
//     it by the name of its own upstream;
//   - the prefix /inventory is taken off, since the function knows /check only;
//   - every service is told the client's address, and more of the client.
func (e echo) like(t *testing.T, written echo, host, client string) echo {
	t.Helper()
	if e.Headers["host"] != host {
		t.Errorf("the service sees host %q, asked was %q", e.Headers["host"], host)
	}
	if got := e.Headers["x-real-ip"]; got != client {
		t.Errorf("the service sees the client %q, it is %q", got, client)
	}
	e.Headers = maps.Clone(e.Headers)
	for _, h := range added {
		if e.Headers[h] == "" {
			t.Errorf("havn adds no %s", h)
		}
		delete(e.Headers, h)
	}
	e.Headers["host"] = written.Headers["host"]
	if e.Service == "inventory" {
		e.URL = "/inventory" + strings.TrimPrefix(e.URL, "/")
		if rest := strings.TrimPrefix(e.URL, "/inventory"); rest != "" && rest[0] != '?' {
			e.URL = "/inventory/" + rest
		}
		delete(e.Headers, "x-real-ip")
		if v, sent := written.Headers["x-real-ip"]; sent {
			e.Headers["x-real-ip"] = v
		}
	} else {
		e.Headers["x-real-ip"] = written.Headers["x-real-ip"]
	}
	e.Peer = written.Peer
	return e
}

// client is the address this machine has for those at addr.
func client(t *testing.T, addr string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	host, _, err := net.SplitHostPort(c.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return host
}

// connections sends n requests on one client connection and returns over how many
// the service got them.
func connections(t *testing.T, addr, path string, n int) int {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	peers := map[int]bool{}
	for range n {
		var e echo
		if err := json.Unmarshal([]byte(askOn(t, c, r, get("api.coolvds-client.no", path)).body), &e); err != nil {
			t.Fatal(err)
		}
		peers[e.Peer] = true
	}
	return len(peers)
}
