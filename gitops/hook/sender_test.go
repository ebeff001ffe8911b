package hook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"havn.internal/gitops/hook"
	"havn.internal/gitops/secret"
)

const (
	newSecret = "a new secret of the hook"
	oldSecret = "the secret before that one"
)

var (
	newKey = base64.StdEncoding.EncodeToString([]byte(newSecret))
	oldKey = base64.StdEncoding.EncodeToString([]byte(oldSecret))
)

func file(t testing.TB, lines ...string) secret.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return secret.File(path)
}

func receiver(t testing.TB, kind hook.Kind, lines ...string) *hook.Receiver {
	t.Helper()
	r, err := hook.New(kind, file(t, lines...), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mac(secret string, parts ...string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	for _, p := range parts {
		_, _ = io.WriteString(h, p)
	}
	return h.Sum(nil)
}

func now() string { return strconv.FormatInt(time.Now().Unix(), 10) }

// senders sign a body as the forges do.
var senders = map[string]struct {
	kind hook.Kind
	// line is the secret as it is in the file.
	line func(secret string) string
	sign func(h http.Header, secret, body string)
}{
	"GitHub": {hook.GitHub, raw, func(h http.Header, secret, body string) {
		h.Set("X-GitHub-Event", "push")
		h.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
		h.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac(secret, body)))
		h.Set("X-Hub-Signature", "sha1=0000000000000000000000000000000000000000")
	}},
	"GitLab token": {hook.GitLab, raw, func(h http.Header, secret, _ string) {
		h.Set("X-Gitlab-Event", "Push Hook")
		h.Set("X-Gitlab-Event-UUID", "13792a34-cac6-4fda-95a8-c58e00a3954e")
		h.Set("X-Gitlab-Token", secret)
	}},
	"GitLab signed": {hook.GitLab, func(s string) string { return "whsec_" + base64.StdEncoding.EncodeToString([]byte(s)) }, standard},
	"Gitea": {hook.Gitea, raw, func(h http.Header, secret, body string) {
		h.Set("X-Gitea-Event", "push")
		h.Set("X-Gitea-Signature", hex.EncodeToString(mac(secret, body)))
	}},
	"Forgejo": {hook.Gitea, raw, func(h http.Header, secret, body string) {
		h.Set("X-Forgejo-Event", "push")
		h.Set("X-Forgejo-Signature", hex.EncodeToString(mac(secret, body)))
		h.Set("X-Gitea-Signature", hex.EncodeToString(mac(secret, body)))
	}},
	"Bitbucket": {hook.Bitbucket, raw, func(h http.Header, secret, body string) {
		h.Set("X-Event-Key", "repo:push")
		h.Set("X-Hub-Signature", "sha256="+hex.EncodeToString(mac(secret, body)))
	}},
	"Standard": {hook.Standard, func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }, standard},
	"Plain": {hook.Plain, raw, func(h http.Header, secret, body string) {
		h.Set("X-Havn-Timestamp", now())
		h.Set("X-Havn-Signature", hex.EncodeToString(mac(secret, now(), ".", body)))
	}},
}

func raw(s string) string { return s }

func standard(h http.Header, secret, body string) {
	at := now()
	h.Set("webhook-id", "msg_1")
	h.Set("webhook-timestamp", at)
	h.Set("webhook-signature", "v1a,AAAA v1,"+base64.StdEncoding.EncodeToString(mac(secret, "msg_1.", at, ".", body)))
}

// send has the receiver answer a request, without a network.
func send(r *hook.Receiver, h http.Header, body string) int {
	req := httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader(body))
	req.Header = h
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	if w.Body.Len() > 0 {
		return -1
	}
	return w.Code
}

// zeros is a body of a length without an end in memory.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func dup(h http.Header, name string) { h[name] = append(h[name], h[name]...) }
