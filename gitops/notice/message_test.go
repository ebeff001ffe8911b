package notice_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"havn.internal/gitops/hook"
	"havn.internal/gitops/notice"
	"havn.internal/gitops/secret"
)

func write(t *testing.T, f secret.File, text string) {
	t.Helper()
	if err := os.WriteFile(string(f), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var event = notice.Event{Kind: "rollout.failed", Severity: notice.Error, Service: "web", Title: "web is down", Link: "https://web1/"}

// one sends an event to a target, and returns the request that came.
func one(t *testing.T, e notice.Event, target func(w *world) notice.Target) (got sent, body map[string]any) {
	t.Helper()
	inWorld(t, func(w *world) {
		w.options.Targets = []notice.Target{target(w)}
		w.options.Targets[0].Template = "{{.Title}}"
		w.up()
		w.Notify(e)
		synctest.Wait()
		all := w.chat.all()
		if len(all) != 1 {
			t.Fatalf("%d requests; %s", len(all), w.log.String())
		}
		got = all[0]
		if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%v %v", err, got)
		}
	})
	return got, body
}

func TestSlack(t *testing.T) {
	got, body := one(t, event, func(w *world) notice.Target {
		return notice.Target{Name: "x", Kind: notice.Slack, Address: w.file(slackURL)}
	})
	if got.method != http.MethodPost || got.path != "/services/T0/B0/canary-slack-path" || !reflect.DeepEqual(body, map[string]any{"text": "web is down"}) {
		t.Errorf("%+v", got)
	}
}

func TestMatrix(t *testing.T) {
	for severity, kind := range map[notice.Severity]string{notice.Error: "m.text", notice.Info: "m.notice"} {
		e := event
		e.Severity = severity
		got, body := one(t, e, func(w *world) notice.Target {
			return notice.Target{Name: "x", Kind: notice.Matrix, Address: w.file("http://chat/"), Token: w.file(tokenValue), Room: "!a/b:example.com"}
		})
		txn, ok := strings.CutPrefix(got.path, "/_matrix/client/v3/rooms/%21a%2Fb:example.com/send/m.room.message/")
		if !ok {
			txn, ok = strings.CutPrefix(got.path, "/_matrix/client/v3/rooms/%21a%2Fb%3Aexample.com/send/m.room.message/")
		}
		if got.method != http.MethodPut || !ok || len(txn) < 20 || strings.Contains(txn, "/") || got.header.Get("Authorization") != "Bearer "+tokenValue {
			t.Errorf("%+v", got)
		}
		if !reflect.DeepEqual(body, map[string]any{"msgtype": kind, "body": "web is down"}) {
			t.Errorf("%v", body)
		}
	}
}

func TestNtfy(t *testing.T) {
	for _, withToken := range []bool{true, false} {
		got, body := one(t, event, func(w *world) notice.Target {
			target := notice.Target{Name: "x", Kind: notice.Ntfy, Address: w.file("http://chat/sub/my-topic/")}
			if withToken {
				target.Token = w.file(tokenValue)
			}
			return target
		})
		if got.method != http.MethodPost || got.path != "/sub/" || (got.header.Get("Authorization") == "Bearer "+tokenValue) != withToken {
			t.Errorf("%+v", got)
		}
		want := map[string]any{
			"topic": "my-topic", "title": "web1: web is down", "message": "web is down", "priority": 5.0, "tags": []any{"rotating_light"}, "click": "https://web1/",
		}
		if !reflect.DeepEqual(body, want) {
			t.Errorf("%v", body)
		}
	}
}

// What is signed here is right for who checks it by the same standard, with either
// of two secrets.
func TestWebhook(t *testing.T) {
	const another = "whsec_YW5vdGhlciBzZWNyZXQgb2YgMjQgYnl0ZXMgb3IgbW9yZQ=="
	for _, receiving := range []string{signer, another} {
		inWorld(t, func(w *world) {
			w.options.Targets = []notice.Target{{Name: "x", Kind: notice.Webhook, Address: w.file("http://hooks/in"), Secrets: w.file(signer, another)}}
			r, err := hook.New(hook.Standard, w.file(receiving), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			stop := w.net.Serve("hooks:80", r)
			polls := 0
			ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
			defer cancel()
			w.up()
			w.Notify(event)
			_ = r.Run(ctx, func() { polls++ })
			if polls != 1 {
				t.Errorf("the signature is not right: %s", w.log.String())
			}
			w.down()
			stop()
		})
	}
	got, body := one(t, event, func(w *world) notice.Target {
		return notice.Target{Name: "x", Kind: notice.Webhook, Address: w.file("http://chat/in"), Secrets: w.file(signer)}
	})
	if id := got.header.Get("webhook-id"); !strings.HasPrefix(id, "msg_") || strings.Contains(id, ".") {
		t.Errorf("id %q", id)
	}
	want := map[string]any{"type": "havn.rollout.failed", "timestamp": "2000-01-01T00:00:00Z", "data": map[string]any{
		"host": "web1", "severity": "error", "service": "web", "revision": "", "title": "web is down", "detail": "", "link": "https://web1/", "over": false, "text": "web is down",
	}}
	if !reflect.DeepEqual(body, want) {
		t.Errorf("%v", body)
	}
}
