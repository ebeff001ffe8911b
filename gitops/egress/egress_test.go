package egress_test

import (
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"havn.internal/gitops/egress"
)

func client(t *testing.T, o egress.Options) *egress.Client {
	t.Helper()
	c, err := egress.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func server(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestSendCarriesTheRequest(t *testing.T) {
	got := make(chan *http.Request, 1)
	body := make(chan string, 1)
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got <- r
		body <- string(text)
		w.WriteHeader(http.StatusCreated)
	})
	err := client(t, egress.Options{}).Send(t.Context(), egress.Request{
		Method: http.MethodPut, URL: s.URL + "/a%2Fb?c=d", Header: http.Header{"X-One": {"1"}}, Body: []byte("text"),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := <-got
	if r.Method != http.MethodPut || r.RequestURI != "/a%2Fb?c=d" || r.Header.Get("X-One") != "1" || r.UserAgent() != "havn" || <-body != "text" {
		t.Errorf("the server got %s %s %v", r.Method, r.RequestURI, r.Header)
	}
}

// No status but those that pass is tried again.
func TestWhatIsTriedAgain(t *testing.T) {
	for status, want := range map[int]struct {
		tries   int32
		passing bool
	}{
		400: {1, false}, 401: {1, false}, 403: {1, false}, 404: {1, false}, 409: {1, false}, 422: {1, false}, 501: {1, false}, 301: {1, false}, 307: {1, false},
		408: {2, true}, 429: {1, true}, 500: {2, true}, 502: {2, true}, 503: {2, true}, 504: {2, true},
	} {
		var tries atomic.Int32
		s := server(t, func(w http.ResponseWriter, _ *http.Request) {
			tries.Add(1)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		})
		err := client(t, egress.Options{Retries: 1}).Send(t.Context(), egress.Request{Method: http.MethodPost, URL: s.URL})
		var refusal *egress.Refusal
		if !errors.As(err, &refusal) || refusal.Status != status || refusal.Passing() != want.passing || tries.Load() != want.tries {
			t.Errorf("%d: %v after %d tries", status, err, tries.Load())
		}
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	c := client(t, egress.Options{})
	s := server(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for _, address := range []string{
		"", "no-url", "ftp://host/x", "https://", "http://forge.example.com/x", "https://user:canary-pass@host/x", "https://host/\x01canary", "http://10.0.0.1/canary", "unix:///canary",
		strings.Replace(s.URL, "http://", "http://canary@", 1),
	} {
		err := c.Send(t.Context(), egress.Request{Method: http.MethodPost, URL: address})
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("Send(%q) = %v", address, err)
		}
	}
}

func TestPrivateAuthority(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	r := egress.Request{Method: http.MethodPost, URL: s.URL}
	if err := client(t, egress.Options{CAFile: file}).Send(t.Context(), r); err != nil {
		t.Errorf("with the CA: %v", err)
	}
	if err := client(t, egress.Options{Retries: 5}).Send(t.Context(), r); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without the CA: %v", err)
	}
	for _, bad := range []string{"none.pem", "empty.pem"} {
		path := filepath.Join(t.TempDir(), bad)
		if bad == "empty.pem" {
			if err := os.WriteFile(path, []byte("nothing"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := egress.New(egress.Options{CAFile: path}); err == nil {
			t.Errorf("%s is taken for a CA", bad)
		}
	}
}

func TestProxy(t *testing.T) {
	asked := make(chan string, 1)
	proxy := server(t, func(_ http.ResponseWriter, r *http.Request) { asked <- r.RequestURI })
	c := client(t, egress.Options{Proxy: proxy.URL, Plain: true})
	if err := c.Send(t.Context(), egress.Request{Method: http.MethodPost, URL: "http://forge.invalid/x"}); err != nil {
		t.Fatal(err)
	}
	if got := <-asked; got != "http://forge.invalid/x" {
		t.Errorf("the proxy was asked for %s", got)
	}
	// What runs on this very host is not behind the proxy.
	s := server(t, func(http.ResponseWriter, *http.Request) {})
	if err := c.Send(t.Context(), egress.Request{Method: http.MethodPost, URL: s.URL}); err != nil || len(asked) > 0 {
		t.Errorf("to this host: %v, and the proxy was asked %d times", err, len(asked))
	}
	if _, err := egress.New(egress.Options{Proxy: "canary:pass@nowhere"}); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("a wrong proxy: %v", err)
	}
}

// The secrets of a request are in no error, whatever the server or the network does
// with them.
func TestErrorsShowNoSecret(t *testing.T) {
	const token, path = "canary+token/1234", "/hooks/canary-path"
	echo := func(status int, kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Location", "http://127.0.0.1:1"+path+"?token="+url.QueryEscape(token))
			w.WriteHeader(status)
			text := r.Header.Get("X-Token") + " " + r.RequestURI + " " + url.QueryEscape(token)
			if kind == "application/json" {
				text = `{"message":"no: ` + text + `","errors":[{"x":"` + token + `"}]}`
			}
			_, _ = io.WriteString(w, text)
		}
	}
	garbage := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, "BOO "+token+path+"\r\n\r\n")
			_ = conn.Close()
		}
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	addresses := []string{closed.URL, "https://no-such-host.invalid", "http://127.0.0.1:99999"}
	for _, h := range []http.HandlerFunc{
		echo(400, "application/json"), echo(401, "text/plain"), echo(500, "application/json"), echo(429, "text/plain"), echo(302, "text/html"), garbage,
	} {
		addresses = append(addresses, server(t, h).URL)
	}
	c := client(t, egress.Options{Plain: true})
	for _, address := range addresses {
		err := c.Send(t.Context(), egress.Request{
			Method: http.MethodPost, URL: address + path, Header: http.Header{"X-Token": {token}}, Secrets: []string{token}, Body: []byte(token),
		})
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", address, err)
		}
	}
	err := c.Send(t.Context(), egress.Request{
		Method: http.MethodPost, URL: closed.URL + path, Header: http.Header{"X-Token": {token + "\n"}}, Secrets: []string{token},
	})
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("a broken token: %v", err)
	}
}
