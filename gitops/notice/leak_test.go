package notice_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"havn.internal/gitops/notice"
	"havn.internal/gitops/secret"
)

// canaries are the secrets of the targets, in the forms that they are sent in.
var canaries = []string{"canary", "Y2FuYXJ5", url.QueryEscape("canary/+"), base64.StdEncoding.EncodeToString([]byte(tokenValue))}

func leaks(text string) bool {
	for _, c := range canaries {
		if strings.Contains(text, c) {
			return true
		}
	}
	return false
}

// everyKind are targets of all kinds at an address.
func everyKind(w *world, address string) []notice.Target {
	return []notice.Target{
		{Name: "slack", Kind: notice.Slack, Address: w.file(address + "/services/T/B/canary-slack-path")},
		{Name: "matrix", Kind: notice.Matrix, Address: w.file(address), Token: w.file(tokenValue), Room: "!a:b"},
		{Name: "ntfy", Kind: notice.Ntfy, Address: w.file(address + "/canary-ntfy-topic"), Token: w.file(tokenValue)},
		{Name: "webhook", Kind: notice.Webhook, Address: w.file(address + "/in?key=canary-webhook-query"), Secrets: w.file(signer)},
	}
}

// misbehaving are servers that do the worst with what they are sent.
var misbehaving = map[string]http.HandlerFunc{
	"echo 400": echo(400, "application/json"), "echo 401": echo(401, "text/plain"), "echo 403": echo(403, "application/json"), "echo 404": echo(404, "text/plain"),
	"echo 429": echo(429, "text/plain"), "echo 500": echo(500, "application/json"), "echo 503": echo(503, "text/plain"), "redirect": echo(307, "text/plain"), "moved": echo(301, "text/html"),
	"garbage": func(w http.ResponseWriter, r *http.Request) {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = io.WriteString(conn, r.Header.Get("Authorization")+" "+r.RequestURI+"\r\n")
			_ = conn.Close()
		}
	},
	"cut off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"huge header": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", strings.Repeat(r.Header.Get("Authorization")+r.RequestURI, 4000))
	},
	"silent": func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	},
}

func echo(status int, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		text := r.RequestURI + " " + r.Header.Get("Authorization") + " " + string(body)
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Location", "http://elsewhere"+r.RequestURI)
		w.WriteHeader(status)
		if kind == "application/json" {
			text = `{"message":` + quote(text) + `,"error":{"text":` + quote(text) + `}}`
		}
		_, _ = io.WriteString(w, text)
	}
}

func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// No secret is in the log or the outbox, whatever goes wrong.
func TestNoSecretGetsOut(t *testing.T) {
	for name, h := range misbehaving {
		t.Run(name, func(t *testing.T) {
			failing(t, func(w *world) []notice.Target {
				w.t.Cleanup(w.net.Serve("bad:80", h))
				return everyKind(w, "http://bad")
			})
		})
	}
}

func TestNoSecretGetsOutOfBrokenFiles(t *testing.T) {
	for name, targets := range map[string]func(w *world) []notice.Target{
		"no host":      func(w *world) []notice.Target { return everyKind(w, "http://nowhere") },
		"no URL":       func(w *world) []notice.Target { return everyKind(w, "canary no url\x01") },
		"no scheme":    func(w *world) []notice.Target { return everyKind(w, "//canary") },
		"port":         func(w *world) []notice.Target { return everyKind(w, "http://bad:canary") },
		"user":         func(w *world) []notice.Target { return everyKind(w, "http://canary:canary-pass@bad") },
		"other scheme": func(w *world) []notice.Target { return everyKind(w, "canary://bad") },
		"file missing": func(*world) []notice.Target { return allFiles("/nowhere", "/nowhere") },
		"empty file":   func(w *world) []notice.Target { return allFiles(w.file(), w.file()) },
		"broken token": func(w *world) []notice.Target {
			return allFiles(w.file("http://chat/x"), w.file("canary\x00token\x7f"))
		},
		"three secrets": func(w *world) []notice.Target {
			return allFiles(w.file("http://chat/x"), w.file("canary-one", "canary-two", "canary-three"))
		},
		"no topic": func(w *world) []notice.Target { return allFiles(w.file("canary-no-slash"), w.file("canary-token")) },
	} {
		t.Run(name, func(t *testing.T) { failing(t, targets) })
	}
}

func allFiles(address, other secret.File) []notice.Target {
	return []notice.Target{
		{Name: "matrix", Kind: notice.Matrix, Address: address, Token: other, Room: "!a:b"}, {Name: "ntfy", Kind: notice.Ntfy, Address: address, Token: other},
		{Name: "webhook", Kind: notice.Webhook, Address: address, Secrets: other},
	}
}

// failing sends an event to targets that don't work, for as long as it is tried.
func failing(t *testing.T, targets func(w *world) []notice.Target) {
	inWorld(t, func(w *world) {
		w.options.Targets = targets(w)
		w.up()
		w.Notify(event)
		time.Sleep(time.Second)
		if text := w.outbox.text(); leaks(text) {
			t.Errorf("in the outbox: %s", text)
		}
		time.Sleep(5 * time.Minute)
		w.down()
		if log := w.log.String(); leaks(log) || !strings.Contains(log, "notice") {
			t.Errorf("in the log: %s", log)
		}
	})
}

// Events may quote what failed; what is secret in them is taken out before they are
// kept.
func TestEventsAreCleaned(t *testing.T) {
	inWorld(t, func(w *world) {
		w.options.Targets = append(everyKind(w, "http://chat"), w.options.Targets...)
		w.options.Hide = []secret.File{w.file("of-another-file-c4nary")}
		w.options.Host = "web1"
		for i := range w.options.Targets {
			w.options.Targets[i].Template = "{{.Title}} {{.Detail}} {{.Kind}} {{.Service}} {{.Revision}} {{.Link}}"
		}
		w.up()
		bad := tokenValue + " " + signer + " of-another-file-c4nary " + slackURL + " https://x:canary@host TOKEN=canary"
		w.Notify(notice.Event{Kind: bad, Severity: notice.Error, Service: bad, Title: bad, Detail: bad, Revision: bad, Link: "https://host/?" + bad})
		time.Sleep(time.Minute)
		got := w.chat.all()
		if len(got) != 5 {
			t.Fatalf("%d requests: %s", len(got), w.log.String())
		}
		for _, s := range got {
			// The topic is a part of the address that goes into the body.
			s.body = strings.Replace(s.body, `"topic":"canary-ntfy-topic"`, "", 1)
			if leaks(s.body) || strings.Contains(s.body, "c4nary") {
				t.Errorf("sent: %s", s.body)
			}
		}
		if text := w.outbox.text(); leaks(text) || strings.Contains(text, "c4nary") {
			t.Errorf("kept: %s", text)
		}
	})
}

// A notice that waits while a secret is changed does not show the new one.
func TestASecretThatIsNewerThanTheNotice(t *testing.T) {
	inWorld(t, func(w *world) {
		f := w.file("an older secret")
		w.options.Hide = []secret.File{f}
		w.away()
		w.up()
		w.tell("the reason is new-c4nary-value")
		write(t, f, "new-c4nary-value")
		w.back()
		time.Sleep(time.Minute)
		w.want("the reason is [hidden]")
	})
}
