package notice_test

import (
	"strings"
	"testing"
	"time"

	"havn.internal/gitops/notice"
)

func TestTemplates(t *testing.T) {
	for text, want := range map[string]string{
		"": "[error] web1: web is &lt;down&gt; &amp; out\nnot ready\nrevision abc\nhttps://web1/",
		`{{if eq .Severity "error"}}<!channel> {{else}}no{{end}}{{upper .Service}} {{.Kind}} {{.At}}`: "<!channel> WEB rollout.failed 2000-01-01T00:00:00Z",
		`{{.Title | lower}}{{/* a comment */}}`:                                                       "web is &lt;down&gt; &amp; out",
	} {
		inWorld(t, func(w *world) {
			w.options.Targets[0].Template = text
			w.up()
			w.Notify(notice.Event{Kind: "rollout.failed", Severity: notice.Error, Service: "web", Revision: "abc", Title: "web is <down> & out", Detail: "not ready", Link: "https://web1/"})
			w.want(want)
		})
	}
}

// Templates that could take long, print what is not theirs, or fail some day.
func TestTemplatesThatAreRefused(t *testing.T) {
	for _, text := range []string{
		"{{.Oops}}", "{{if .Detail}}{{.Oops}}{{end}}", `{{if eq .Severity "x"}}{{.Host.Len}}{{end}}`, "{{", "{{range 1000000000}}{{end}}", "{{with .Host}}{{.}}{{end}}", "{{.}}",
		`{{printf "%1000000000d" 1}}`, "{{call .Host}}", "{{index .Host 0}}", "{{$x := .Host}}{{$x}}", `{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, "{{html .Host}}", "{{break}}",
		"{{js .Title}}", "{{len .Host}}", "{{slice .Host 1 2}}", "{{(.Host).Len}}", "{{$}}", "{{eq}}", "{{block \"x\" .}}{{end}}", strings.Repeat("x", 9000), "{{nil}}", "{{1}}",
	} {
		inWorld(t, func(w *world) {
			target := w.options.Targets[0]
			target.Template = text
			if _, err := notice.New(notice.Options{Targets: []notice.Target{target}, Outbox: w.outbox}); err == nil {
				t.Errorf("%.40q is taken", text)
			}
		})
	}
}

// A template that fails with some event only drops that event.
func TestATemplateThatFails(t *testing.T) {
	inWorld(t, func(w *world) {
		w.options.Targets[0].Template = "{{if .Detail}}{{eq}}{{end}}{{.Title}}"
		w.up()
		w.Notify(notice.Event{Title: "one", Detail: "more"})
		w.tell("two")
		time.Sleep(time.Second)
		w.want("two")
	})
}

func TestTextsAreBounded(t *testing.T) {
	inWorld(t, func(w *world) {
		w.options.Targets[0].Template = strings.Repeat("{{.Title}}{{.Detail}}", 50)
		w.up()
		w.Notify(notice.Event{Title: strings.Repeat("ø", 10_000), Detail: strings.Repeat("🚢\xff", 10_000)})
		time.Sleep(time.Second)
		if got := w.chat.texts(); len(got) != 1 || len(got[0]) > 4000 || !strings.HasSuffix(got[0], "…") {
			t.Errorf("%d texts", len(got))
		}
		if n := len(w.outbox.text()); n > 16_000 {
			t.Errorf("%d bytes in the outbox", n)
		}
	})
}

func TestTargetsThatAreRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		good := w.options.Targets[0]
		for name, spoil := range map[string]func(*notice.Target){
			"kind":       func(t *notice.Target) { t.Kind = "pager" },
			"address":    func(t *notice.Target) { t.Address = "" },
			"token":      func(t *notice.Target) { t.Kind, t.Room = notice.Matrix, "!a:b" },
			"alias":      func(t *notice.Target) { t.Kind, t.Room, t.Token = notice.Matrix, "#a:b", "/f" },
			"not signed": func(t *notice.Target) { t.Kind = notice.Webhook },
			"severity":   func(t *notice.Target) { t.Least = "fatal" },
		} {
			bad := good
			spoil(&bad)
			if _, err := notice.New(notice.Options{Targets: []notice.Target{bad}, Outbox: w.outbox}); err == nil {
				t.Errorf("%s: taken", name)
			}
		}
		if _, err := notice.New(notice.Options{Targets: []notice.Target{good, good}, Outbox: w.outbox}); err == nil {
			t.Error("two targets of one name are taken")
		}
	})
}
