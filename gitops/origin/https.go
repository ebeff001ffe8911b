package origin

import (
	"encoding/pem"
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

// Serve serves the repository at /site.git over https.
func (r *Repo) Serve() *Web {
	r.t.Helper()
	w := r.web()
	w.StartTLS()
	w.CAFile = filepath.Join(r.t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.Certificate().Raw})
	if err := os.WriteFile(w.CAFile, text, 0o644); err != nil {
		r.t.Fatal(err)
	}
	return w
}

// ServePlain serves it over http.
func (r *Repo) ServePlain() *Web {
	r.t.Helper()
	w := r.web()
	w.Start()
	return w
}

// Address is the URL of the repository.
func (w *Web) Address() string { return w.URL + "/site.git" }

func (r *Repo) web() *Web {
	r.t.Helper()
	backend := filepath.Join(execPath(r.t), "git-http-backend")
	handler := &cgi.Handler{
		Path: backend,
		Root: "/site.git",
		Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Join(r.Dir, ".git"), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=/nonexistent", "PATH=" + os.Getenv("PATH")},
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
