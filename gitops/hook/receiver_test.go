package hook_test

import (
	"bytes"
	"encoding/hex"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"havn.internal/gitops/hook"
	"havn.internal/gitops/secret"
)

const push = `{"ref":"refs/heads/main"}`

func TestEveryKind(t *testing.T) {
	for name, s := range senders {
		t.Run(name, func(t *testing.T) {
			// A recorded secret and the one before it are both live.
			r := receiver(t, s.kind, s.line(newSecret), s.line(oldSecret))
			for _, key := range []string{newSecret, oldSecret} {
				h := http.Header{}
				s.sign(h, key, push)
				if got := send(r, h, push); got != http.StatusAccepted {
					t.Errorf("signed with %q: %d", key, got)
				}
			}
			for what, spoil := range map[string]func(h http.Header){
				"unsigned":           func(h http.Header) { clear(h) },
				"a secret not known": func(h http.Header) { s.sign(h, "some other secret or so", push) },
				"another body":       func(h http.Header) { s.sign(h, newSecret, push+" ") },
				"twice": func(h http.Header) {
					for n := range h {
						dup(h, n)
					}
					h.Set("Content-Type", "application/json")
				},
				"almost": func(h http.Header) {
					for n, v := range h {
						if strings.Contains(n, "Signature") || strings.Contains(n, "Token") {
							text := []byte(v[0])
							text[len(text)-3] ^= 1
							h.Set(n, string(text))
						}
					}
				},
				"cut": func(h http.Header) {
					for n, v := range h {
						h.Set(n, v[0][:len(v[0])/2])
					}
				},
				"empty": func(h http.Header) {
					for n := range h {
						h.Set(n, "")
					}
				},
			} {
				if what == "another body" && name == "GitLab token" {
					continue
				}
				h := http.Header{}
				s.sign(h, newSecret, push)
				spoil(h)
				if got := send(r, h, push); got != http.StatusUnauthorized {
					t.Errorf("%s: %d", what, got)
				}
			}
		})
	}
}

// The examples that the documentation of GitHub and of Standard Webhooks give.
func TestDocumentedExamples(t *testing.T) {
	r := receiver(t, hook.GitHub, "It's a Secret to Everybody")
	h := http.Header{"X-Hub-Signature-256": {"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}}
	if got := send(r, h, "Hello, World!"); got != http.StatusAccepted {
		t.Errorf("GitHub: %d", got)
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Unix(1614265330, 0)))
		r := receiver(t, hook.Standard, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
		h := http.Header{}
		h.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
		h.Set("webhook-timestamp", "1614265330")
		h.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
		if got := send(r, h, `{"test": 2432232314}`); got != http.StatusAccepted {
			t.Errorf("Standard Webhooks: %d", got)
		}
	})
}

// A signed time that is not about now is refused, before or after.
func TestOldAndFutureTimes(t *testing.T) {
	for _, name := range []string{"Plain", "Standard", "GitLab signed"} {
		s := senders[name]
		for wait, want := range map[time.Duration]int{
			4 * time.Minute: http.StatusAccepted, 6 * time.Minute: http.StatusUnauthorized, 1000 * time.Hour: http.StatusUnauthorized,
		} {
			synctest.Test(t, func(t *testing.T) {
				r := receiver(t, s.kind, s.line(newSecret))
				h := http.Header{}
				s.sign(h, newSecret, push)
				time.Sleep(wait)
				if got := send(r, h, push); got != want {
					t.Errorf("%s, %s later: %d, want %d", name, wait, got, want)
				}
			})
		}
	}
	r := receiver(t, hook.Plain, newSecret)
	for _, at := range []string{"", "soon", "-1", "0", "99999999999", "9223372036854775807", "-9223372036854775808", "+" + now(), "0" + now(), now() + ".0"} {
		h := http.Header{"X-Havn-Timestamp": {at}, "X-Havn-Signature": {hex.EncodeToString(mac(newSecret, at, ".", push))}}
		if got := send(r, h, push); got != http.StatusUnauthorized {
			t.Errorf("time %q: %d", at, got)
		}
	}
}

// A GitLab secret that signs is not taken as a token.
func TestASigningSecretIsNoToken(t *testing.T) {
	line := "whsec_" + newKey
	r := receiver(t, hook.GitLab, line)
	for _, token := range []string{line, newKey, newSecret} {
		if got := send(r, http.Header{"X-Gitlab-Token": {token}}, push); got != http.StatusUnauthorized {
			t.Errorf("token %q: %d", token, got)
		}
	}
}

// While GitLab is moved from a token to signing, it may send both.
func TestFromTokenToSigning(t *testing.T) {
	r := receiver(t, hook.GitLab, "whsec_"+newKey, oldSecret)
	both := http.Header{}
	senders["GitLab signed"].sign(both, newSecret, push)
	both.Set("X-Gitlab-Token", "of no one")
	token := http.Header{}
	senders["GitLab token"].sign(token, oldSecret, push)
	for _, h := range []http.Header{both, token} {
		if got := send(r, h, push); got != http.StatusAccepted {
			t.Errorf("%v: %d", h, got)
		}
	}
}

func TestRequestsThatAreNoHook(t *testing.T) {
	r := receiver(t, hook.GitHub, newSecret)
	signed := func(kind string) http.Header {
		h := http.Header{"Content-Type": {kind}}
		senders["GitHub"].sign(h, newSecret, push)
		return h
	}
	for kind, want := range map[string]int{
		"application/json": 202, "application/json; charset=utf-8": 202, "application/x-www-form-urlencoded": 202,
		"text/html": 415, "multipart/form-data; boundary=x": 415, "json": 415, ";": 415,
	} {
		if got := send(r, signed(kind), push); got != want {
			t.Errorf("%s: %d, want %d", kind, got, want)
		}
	}
}

// Anybody can send hooks, so what is wrong with one fills no log: neither a signature
// nor, while nobody can tell, the secret.
func TestTheLogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := file(t, oldSecret)
		r, err := hook.New(hook.GitHub, f, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		flood := func(want int) {
			h := http.Header{}
			senders["GitHub"].sign(h, newSecret, push)
			for range 100 {
				if got := send(r, h, push); got != want {
					t.Fatalf("answered %d, want %d", got, want)
				}
			}
			time.Sleep(time.Hour)
		}
		flood(401)
		if err := os.Remove(string(f)); err != nil {
			t.Fatal(err)
		}
		flood(503)
		if n := bytes.Count(log.Bytes(), []byte("\n")); n != 2 {
			t.Errorf("the log has %d lines", n)
		}
	})
}

func TestSecretsAreChangedWhileItRuns(t *testing.T) {
	f := file(t, oldSecret)
	r, err := hook.New(hook.GitHub, f, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	try := func(key string) int {
		h := http.Header{}
		senders["GitHub"].sign(h, key, push)
		return send(r, h, push)
	}
	for _, step := range []struct {
		lines         string
		oldOne, newer int
	}{
		{oldSecret, 202, 401}, {newSecret + "\n" + oldSecret, 202, 202}, {newSecret, 401, 202}, {"", 503, 503}, {newSecret, 401, 202},
	} {
		if err := os.WriteFile(string(f), []byte(step.lines), 0o600); err != nil {
			t.Fatal(err)
		}
		if o, n := try(oldSecret), try(newSecret); o != step.oldOne || n != step.newer {
			t.Errorf("with %q: the old secret %d, the new one %d", step.lines, o, n)
		}
	}
}

func TestSecretsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		kind hook.Kind
		f    secret.File
	}{
		{"svn", file(t, newSecret)}, {hook.GitHub, file(t)}, {hook.GitHub, file(t, "changeme")}, {hook.GitHub, file(t, newSecret, oldSecret, "a third one that is too much")},
		{hook.Standard, file(t, "no base64 at all, but long")}, {hook.GitLab, file(t, "whsec_no base64 at all, but long")}, {hook.GitLab, file(t, "whsec_AAAA")},
		{hook.GitHub, "/nowhere"},
	} {
		_, err := hook.New(c.kind, c.f, slog.New(slog.DiscardHandler))
		if err == nil || strings.Contains(err.Error(), "changeme") || strings.Contains(err.Error(), "base64 at all") {
			t.Errorf("%s: %v", c.kind, err)
		}
	}
}
