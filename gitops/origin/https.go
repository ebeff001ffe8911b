package origin

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// A Web serves repositories over smart HTTP, as forges do.
type Web struct {
	*httptest.Server
	// CAFile is the certificate to trust.
	CAFile string
	// Asked counts the requests.
	Asked atomic.Int64
	// Password, if set, is asked for, with any user.
	Password atomic.Pointer[string]
	// Before answers in place of the repository if it returns true.
	Before atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
}

// Serve serves the repository at /site.git over https, on this machine.
func (r *Repo) Serve() *Web { return r.ServeAt("127.0.0.1") }

// ServeAt serves it at an address of this machine that others may reach.
func (r *Repo) ServeAt(ip string) *Web {
	r.t.Helper()
	w := r.web(ip)
	certificate, file := certify(r.t, ip)
	w.TLS, w.CAFile = &tls.Config{Certificates: []tls.Certificate{certificate}}, file
	w.StartTLS()
	return w
}

// ServePlain serves it over http.
func (r *Repo) ServePlain() *Web {
	r.t.Helper()
	w := r.web("127.0.0.1")
	w.Start()
	return w
}

// Address is the URL of the repository.
func (w *Web) Address() string { return w.URL + "/site.git" }

func (r *Repo) web(ip string) *Web {
	r.t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		r.t.Fatal(err)
	}
	backend := filepath.Join(execPath(r.t), "git-http-backend")
	handler := &cgi.Handler{
		Path: backend,
		Root: "/site.git",
		Env:  []string{"GIT_PROJECT_ROOT=" + r.Git("rev-parse", "--absolute-git-dir"), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=/nonexistent", "PATH=" + os.Getenv("PATH")},
	}
	w := &Web{}
	w.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		w.Asked.Add(1)
		if before := w.Before.Load(); before != nil && (*before)(out, in) {
			return
		}
		if want := w.Password.Load(); want != nil {
			if _, got, _ := in.BasicAuth(); got != *want {
				out.Header().Set("WWW-Authenticate", `Basic realm="git"`)
				http.Error(out, "who is it?", http.StatusUnauthorized)
				return
			}
		}
		handler := *handler
		handler.Env = append(handler.Env, "GIT_PROTOCOL="+in.Header.Get("Git-Protocol"))
		handler.ServeHTTP(out, in)
	}))
	// Who hangs up is a matter of the test.
	w.Config.ErrorLog = log.New(io.Discard, "", 0)
	_ = w.Listener.Close()
	w.Listener = l
	r.t.Cleanup(w.Close)
	return w
}

func execPath(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
