package forge_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"havn.internal/gitops/egress"
	"havn.internal/gitops/forge"
	"havn.internal/gitops/forge/standin"
	"havn.internal/gitops/secret"
)

const (
	token  = "canary-token-0123456789"
	commit = "0123456789abcdef0123456789abcdef01234567"
)

func tokenFile(t *testing.T, text string) secret.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return secret.File(path)
}

// start serves a forge and returns a client of it, both as a host would have them.
func start(t *testing.T, kind forge.Kind, path string, o egress.Options) (*standin.Forge, *forge.Client) {
	t.Helper()
	f := &standin.Forge{Kind: kind, Path: path, Commits: []string{commit}}
	f.Require(token)
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	r, err := forge.Find(s.URL+"/"+path+".git", kind, "")
	if err != nil {
		t.Fatal(err)
	}
	e, err := egress.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return f, &forge.Client{Repository: r, Token: tokenFile(t, token), Egress: e}
}

var paths = map[forge.Kind]string{forge.GitHub: "acme/site", forge.GitLab: "acme/ops/team.1/site", forge.Gitea: "acme/site"}

func TestEveryState(t *testing.T) {
	words := map[forge.Kind][]string{
		forge.GitHub: {"pending", "success", "failure", "error"}, forge.GitLab: {"running", "success", "failed", "canceled"},
		forge.Gitea: {"pending", "success", "failure", "error"},
	}
	for kind, want := range words {
		f, c := start(t, kind, paths[kind], egress.Options{})
		for i, state := range []forge.State{forge.Pending, forge.Success, forge.Failure, forge.Overtaken} {
			err := c.Set(t.Context(), forge.Status{
				Commit: commit, State: state, Context: "havn/web1", Service: "web", Reason: "not ready\nafter 60 s", Link: "https://web1.example.com/havn",
			})
			if err != nil {
				t.Fatalf("%s, %s: %v", kind, state, err)
			}
			got := f.Statuses()
			if len(got) != i+1 || got[i] != (standin.Status{
				Commit: commit, State: want[i], Context: "havn/web1", Description: "web: not ready after 60 s", TargetURL: "https://web1.example.com/havn",
			}) {
				t.Errorf("%s, %s: %+v", kind, state, got)
			}
		}
	}
}

// GitLab refuses to set running what is running; nothing is wrong then.
func TestTheSameStateAgain(t *testing.T) {
	for kind, want := range map[forge.Kind]int{forge.GitHub: 2, forge.GitLab: 1, forge.Gitea: 2} {
		f, c := start(t, kind, paths[kind], egress.Options{})
		for range 2 {
			if err := c.Set(t.Context(), forge.Status{Commit: commit, State: forge.Pending, Context: "havn/web1"}); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
		if got := f.Statuses(); len(got) != want {
			t.Errorf("%s: %d statuses", kind, len(got))
		}
	}
}

// Whatever the texts are, the forge takes them.
func TestTextsThatForgesWouldRefuse(t *testing.T) {
	for kind, most := range map[forge.Kind]int{forge.GitHub: 140, forge.GitLab: 255, forge.Gitea: 255} {
		f, c := start(t, kind, paths[kind], egress.Options{})
		for i, s := range []forge.Status{
			{Reason: strings.Repeat("långt ", 200), Service: "web"}, {Reason: strings.Repeat("🚢", 300)}, {Reason: "\x00\x1b[31mred\xff\u202etxt"},
			{Link: "javascript:alert(1)"}, {Link: "https://user:pass@host/"}, {Link: "https://host/" + strings.Repeat("x", 300)}, {Link: "://"}, {Link: "https://host/?token=canary"},
			{Context: strings.Repeat("x", 400)}, {Service: "web"},
		} {
			s.Commit, s.State = commit, []forge.State{forge.Success, forge.Failure}[i%2]
			if s.Context == "" {
				s.Context = "havn/web1"
			}
			if err := c.Set(t.Context(), s); err != nil {
				t.Errorf("%s: %+v: %v", kind, s, err)
				continue
			}
			got := f.Statuses()[len(f.Statuses())-1]
			if n := utf8.RuneCountInString(got.Description); n > most || strings.ContainsAny(got.Description, "\x00\x1b\n\u202e") || !utf8.ValidString(got.Description) {
				t.Errorf("%s: description of %d characters: %q", kind, n, got.Description)
			}
			if got.TargetURL != "" {
				t.Errorf("%s: link %q", kind, got.TargetURL)
			}
		}
	}
}

func TestStatusesThatAreNone(t *testing.T) {
	f, c := start(t, forge.GitHub, "acme/site", egress.Options{})
	for _, s := range []forge.Status{
		{}, {Commit: "main", State: forge.Success, Context: "x"}, {Commit: commit[:39], State: forge.Success, Context: "x"}, {Commit: commit + "/..", State: forge.Success, Context: "x"},
		{Commit: commit, State: "error", Context: "x"}, {Commit: commit, State: forge.Success},
	} {
		if err := c.Set(t.Context(), s); err == nil {
			t.Errorf("%+v is set", s)
		}
	}
	if got := f.Statuses(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestTheTokenIsChangedWhileItRuns(t *testing.T) {
	for kind := range paths {
		f, c := start(t, kind, paths[kind], egress.Options{})
		s := forge.Status{Commit: commit, State: forge.Success, Context: "havn/web1"}
		f.Require("another token 9876")
		var refusal *egress.Refusal
		if err := c.Set(t.Context(), s); !errors.As(err, &refusal) || refusal.Status != 401 || refusal.Passing() {
			t.Errorf("%s: with the old token: %v", kind, err)
		}
		if err := os.WriteFile(string(c.Token), []byte("another token 9876"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.Set(t.Context(), s); err != nil {
			t.Errorf("%s: with the new token: %v", kind, err)
		}
	}
}

// A forge that fails for a moment is asked again, with the same request.
func TestAMomentOfFailure(t *testing.T) {
	for kind := range paths {
		f, c := start(t, kind, paths[kind], egress.Options{Retries: 2})
		f.Break(http.NotFoundHandler().ServeHTTP)
		s := forge.Status{Commit: commit, State: forge.Success, Context: "havn/web1", Reason: "all services are up"}
		if err := c.Set(t.Context(), s); err == nil {
			t.Errorf("%s: 404 is tried again", kind)
		}
		f.Break(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		if err := c.Set(t.Context(), s); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if got := f.Statuses(); len(got) != 1 || got[0].Description != "all services are up" {
			t.Errorf("%s: %+v", kind, got)
		}
	}
}

// No secret is in a status or an error, whatever the reason quotes and the forge
// answers.
func TestNoSecretGetsOut(t *testing.T) {
	const other = "canary-of-another-file"
	for kind := range paths {
		f, c := start(t, kind, paths[kind], egress.Options{})
		c.Hide = []secret.File{tokenFile(t, other), "/nowhere"}
		err := c.Set(t.Context(), forge.Status{
			Commit: commit, State: forge.Failure, Context: "havn/" + other, Service: "web",
			Reason: "start web: " + other + " " + token + " https://x:canary@host/ PASSWORD=canary", Link: "https://host/" + other,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Statuses()[0]; strings.Contains(got.Description+got.Context+got.TargetURL, "canary") {
			t.Errorf("%s: %+v", kind, got)
		}
		for _, status := range []int{302, 400, 401, 403, 422, 429, 500} {
			f.Break(func(w http.ResponseWriter, r *http.Request) {
				text, _ := io.ReadAll(r.Body)
				w.Header().Set("Content-Type", "text/plain")
				w.Header().Set("Location", "https://elsewhere/?"+token)
				w.WriteHeader(status)
				_, _ = io.WriteString(w, r.Header.Get("Authorization")+r.Header.Get("PRIVATE-TOKEN")+other+string(text))
			})
			err := c.Set(t.Context(), forge.Status{Commit: commit, State: forge.Failure, Context: "x", Reason: other})
			if err == nil || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s, %d: %v", kind, status, err)
			}
		}
	}
}
