package secret_test

import (
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"havn.internal/gitops/secret"
)

func write(t *testing.T, text string, mode os.FileMode) secret.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return secret.File(path)
}

func TestLines(t *testing.T) {
	f := write(t, "\n  first-one \r\n\nsecond-one", 0o640)
	got, err := f.Lines()
	if err != nil || !slices.Equal(got, []string{"first-one", "second-one"}) {
		t.Errorf("Lines() = %q, %v", got, err)
	}
	if err := os.WriteFile(string(f), []byte("third-one\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if got, err := f.First(); err != nil || got != "third-one" {
		t.Errorf("First() of the changed file = %q, %v", got, err)
	}
}

// A byte order mark is no part of a secret.
func TestAByteOrderMarkIsNoSecret(t *testing.T) {
	for _, text := range []string{"\ufefffirst-one\r\n", "\ufeff  first-one"} {
		if got, err := write(t, text, 0o600).First(); err != nil || got != "first-one" {
			t.Errorf("First() of %q = %q, %v", text, got, err)
		}
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	for name, f := range map[string]secret.File{
		"not there": secret.File(filepath.Join(t.TempDir(), "none")),
		"directory": secret.File(t.TempDir()),
		"empty":     write(t, " \n\n", 0o600),
		"a mark":    write(t, "\ufeff\n", 0o600),
		"UTF-16":    write(t, "\xff\xfec\x00a\x00n\x00", 0o600),
		"binary":    write(t, "canary\x00value", 0o600),
		"open":      write(t, "canary-value", 0o644),
		"too large": write(t, strings.Repeat("canary-value\n", 10_000), 0o600),
	} {
		lines, err := f.Lines()
		if err == nil || lines != nil {
			t.Errorf("%s: Lines() = %d lines, %v", name, len(lines), err)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
		if got := secret.Values(f); got != nil {
			t.Errorf("%s: Values() = %q", name, got)
		}
	}
}

func TestScrubTakesOutKnownSecrets(t *testing.T) {
	const token = `c4nary/+"value" <1>`
	const hook = "https://chat.example.com/hooks/c4nary-path-of-hook?k=c4naryquery"
	for _, text := range []string{
		"the token is " + token, url.QueryEscape(token), url.PathEscape(token), base64.StdEncoding.EncodeToString([]byte(token)),
		`{"echo":"c4nary/+\"value\" \u003c1\u003e"}`, `Post "` + hook + `": EOF`, "GET /hooks/c4nary-path-of-hook", "c4naryquery",
	} {
		got := secret.Scrub(text, token, hook, "short")
		if strings.Contains(got, "c4nary") || strings.Contains(got, base64.StdEncoding.EncodeToString([]byte(token))) {
			t.Errorf("Scrub(%q) = %q", text, got)
		}
	}
}

func TestScrubTakesOutWhatLooksLikeASecret(t *testing.T) {
	for _, text := range []string{
		"clone https://bot:c4nary@git.example.com/o/r.git: denied", "https://c4nary@host/", "GET /x?access_token=c4nary&a=b", "DB_PASSWORD=c4nary",
		`{"api_key": "c4nary"}`, "Authorization: Bearer c4naryc4nary", "PRIVATE-TOKEN: c4nary", "bearer c4naryc4nary", "ghp_c4naryc4nary", "github_pat_c4nary",
		"glpat-c4naryxx", "xoxb-c4nary-1", "whsec_c4naryc4nary", "see hooks.slack.com/services/T/B/c4nary",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nc4nary\n-----END OPENSSH PRIVATE KEY-----",
	} {
		if got := secret.Scrub(text); strings.Contains(got, "c4nary") {
			t.Errorf("Scrub(%q) = %q", text, got)
		}
	}
}

func TestScrubKeepsPlainWords(t *testing.T) {
	for _, text := range []string{
		"web: not ready after 1m: GET http://10.0.0.2:8080/health: 503", "start web: create container: conflict", "secret: /etc/havn/token: the file is empty",
		"bearer of news", "image registry.example.com/web@sha256:0123456789abcdef", "signature: no allowed signer signed it",
	} {
		if got := secret.Scrub(text, "a", "web"); got != text {
			t.Errorf("Scrub(%q) = %q", text, got)
		}
	}
}

func FuzzScrub(f *testing.F) {
	f.Add("a=b c4nary-secret token=x", "c4nary-secret")
	f.Fuzz(func(t *testing.T, text, known string) {
		if len(known) < 6 || strings.Contains("[hidden]", known) {
			return
		}
		if got := secret.Scrub(text, known); strings.Contains(strings.ReplaceAll(got, "[hidden]", "\x00"), known) {
			t.Errorf("Scrub(%q, %q) = %q", text, known, got)
		}
	})
}

// Nobody waits for whoever is to write into a pipe that should have been a file.
func TestAPipeIsRefusedAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := secret.File(path).Lines()
		read <- err
	}()
	select {
	case err := <-read:
		if err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("a pipe is read: %v", err)
		}
	case <-time.After(2 * time.Minute):
		t.Error("a pipe that nobody writes to is waited for")
	}
}
