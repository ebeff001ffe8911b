package spec

import (
	"reflect"
	"strings"
	"testing"
)

// Every value that Hide hides is concealed in what a program says, but for the name of
// the program.
func TestConcealKnowsWhatHideHides(t *testing.T) {
	base, concealed := full(), 0
	texts(reflect.ValueOf(&base).Elem(), "", func(path string, set func(string)) {
		set("s3cret-value")
		if listedField(inClear, path) || path == "Service.Entrypoint" || path == "Service.Health.Command" {
			return
		}
		concealed++
		if got := base.Conceal("cannot open s3cret-value: no"); got != "cannot open (hidden): no" {
			t.Errorf("%s: %s", path, got)
		}
	})
	if concealed < 6 {
		t.Errorf("%d fields are concealed", concealed)
	}
}

func TestConceal(t *testing.T) {
	s := Service{
		Entrypoint: []string{"/bin/run-it-9000"}, Command: []string{"serve", "--token=t0ken-one", "--password", "hunter22"},
		Env:    map[string]string{"MODE": "production", "PORT": "8080", "DB": "postgres://app:pa55word@db/x", "DIR": "/srv/data", "REDIS": "redis://redis:6379", "PIN": "1a2"},
		Files:  map[string]File{"/etc/app.conf": {Content: "[db]\npassword = \"fr0m-file\"\nkey: other1-key\n\nserver {\n"}, "/run/token": {Content: "bare-t0ken\n"}},
		Health: Health{Headers: map[string]string{"Authorization": "Bearer abc.def1"}, Path: "/ok"},
	}
	for text, want := range map[string]string{
		"login with pa55word failed":              "login with (hidden) failed",
		"postgres://app:pa55word@db/x is away":    "(hidden) is away",
		"bad flag --token=t0ken-one":              "bad flag --token=(hidden)",
		"hunter22, fr0m-file, other1-key":         "(hidden), (hidden), (hidden)",
		"bare-t0ken":                              "(hidden)",
		"Authorization: Bearer abc.def1":          "Authorization: Bearer (hidden)",
		`{"k":"Y W"}`:                             `{"k":"Y W"}`,
		"dDBrZW4tb25l":                            "(hidden)",
		"server in production on 8080 serves":     "server in production on 8080 serves",
		"redis://redis:6379 is away":              "redis://redis:6379 is away",
		"/srv/data: no space":                     "/srv/data: no space",
		`exec: "/bin/run-it-9000": not found 1a2`: `exec: "/bin/run-it-9000": not found 1a2`,
	} {
		if got := (Release{Service: s}).Conceal(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	to := Target{Options: Options{Headers: Headers{Request: map[string]string{"A": "hush-8", "Host": "$host"}}}, Redirect: &Redirect{To: "https://x.test/?k=hush-9"}}
	if got := to.Conceal(`invalid "hush-8" or hush-9`); strings.Contains(got, "hush") {
		t.Error(got)
	}
}
