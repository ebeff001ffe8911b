//go:build e2e

package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"havn.internal/gitops/forge"
	"havn.internal/gitops/forge/standin"
	"havn.internal/gitops/origin"
)

// A hub is a forge: it has the repository, takes statuses, and sends webhooks. It
// is also where people are told.
type hub struct {
	*developer
	*standin.Forge
	web *origin.Web
	// hook is where webhooks are sent.
	hook string

	mu   sync.Mutex
	told []string
}

const forgeToken = "a token of the forge"

func (m *machine) hub(kind forge.Kind, hook string) *hub {
	m.t.Helper()
	bare := origin.New(m.t, "--bare")
	h := &hub{developer: newDeveloper(m.t, bare.Dir), Forge: &standin.Forge{Kind: kind, Path: "acme/site"}, web: bare.ServeAt(m.outside()), hook: hook}
	h.Require(forgeToken)
	serve := func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasPrefix(r.URL.Path, "/api/"):
			h.Forge.ServeHTTP(w, r)
		case r.URL.Path == "/people":
			h.hear(r)
		default:
			r.URL.Path = strings.TrimPrefix(r.URL.Path, "/acme")
			return false
		}
		return true
	}
	h.web.Before.Store(&serve)
	return h
}

// hear keeps what people are told.
func (h *hub) hear(r *http.Request) {
	var message struct{ Text string }
	_ = json.NewDecoder(r.Body).Decode(&message)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, message.Text)
}

func (h *hub) heard(words ...string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.told, func(text string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	})
}

// flags are those of a havn that hears of a push by webhook only, and tells.
func (m *machine) tells(h *hub, flags ...string) []string {
	m.t.Helper()
	kind := string(h.Kind)
	return append(flags,
		"--git", h.web.URL+"/acme/site.git", "--ca-file", m.keep(h.web.CAFile, "ca.pem"), "--interval", "1h",
		"--hook-kind", kind, "--hook-secret-file", m.keepText(knockSecret+"\n", "hook-secret"),
		"--forge-kind", kind, "--forge-token-file", m.keepText(forgeToken+"\n", "forge-token"), "--forge-context", "havn/one",
		"--notify", "ops=slack:"+m.keepText(h.web.URL+"/people\n", "people"))
}

// pushes is push, with the webhook that a forge sends then.
func (m *machine) pushes(h *hub, files map[string]string) string {
	m.t.Helper()
	commit := h.Commit(files)
	h.Know(commit)
	h.push(commit)
	if h.hook != "" {
		m.must(knock(string(h.Kind), h.hook, commit))
	}
	return commit
}

// shows waits until the forge shows these states of a commit, and the last of them
// with these words.
func (m *machine) shows(h *hub, commit, says string, states ...string) {
	m.t.Helper()
	var got []string
	var last standin.Status
	m.poll("statuses of "+commit, func() bool {
		got, last = nil, standin.Status{}
		for _, s := range h.Statuses() {
			if s.Commit == commit && s.Context == "havn/one" {
				got, last = append(got, s.State), s
			}
		}
		return slices.Equal(got, states) && strings.Contains(last.Description, says)
	}, func() string { return fmt.Sprintf("%q, %+v", got, last) })
}

// A push to a forge of each kind is rolled out by its webhook alone, the next poll
// being an hour away, and the forge shows what became of that very commit: success,
// or failure with the service, of which people are told, too.
func TestForgesWakeHavnAndAreTold(t *testing.T) {
	m := newMachine(t)
	const path = "/.havn/hook"
	loaded := false
	for _, w := range []struct {
		kind  forge.Kind
		hook  string
		flags []string
		// What the forge calls a commit that is under way, and one that failed.
		pending, failure string
	}{
		{forge.GitHub, "http://" + m.Addr.String() + ":9000/", []string{"--hook-listen", ":9000"}, "pending", "failure"},
		{forge.GitLab, "http://" + m.web() + path, []string{"--hook-path", path}, "running", "failed"},
		{forge.Gitea, "http://" + m.web() + path, []string{"--hook-path", path}, "pending", "failure"},
	} {
		h, name := m.hub(w.kind, ""), string(w.kind)
		first := m.pushes(h, release(name+"-1"))
		m.launch(m.tells(h, w.flags...)...)
		m.reaches(first)
		h.hook = w.hook
		m.shows(h, first, "", w.pending, "success")
		if !loaded {
			m.load("github-1", "github-2", "gitlab-1", "gitlab-2", "gitea-1", "gitea-2")
			loaded = true
		}
		second := m.pushes(h, release(name+"-2"))
		m.reaches(second)
		m.answers(name + "-2")
		m.shows(h, second, "", w.pending, "success")

		broken := m.pushes(h, release(name+"-3", `env: READY: "never"`, `rollout: healthyDeadline: "1s"`))
		m.shows(h, broken, "web: ", w.pending, w.failure)
		m.poll("people are told", func() bool { return h.heard("web", "rolled back") }, func() string { return fmt.Sprintf("%q", h.told) })
		m.answers(name + "-2")
		m.end("TERM")
	}
	m.lossless()
}

// knock sends the webhook of a push as a kind of forge does.
func knock(kind, url, commit string) error {
	body := fmt.Sprintf(`{"ref":"refs/heads/main","after":%q}`, commit)
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, []byte(knockSecret))
	mac.Write([]byte(body))
	signature := hex.EncodeToString(mac.Sum(nil))
	r.Header.Set("Content-Type", "application/json")
	switch kind {
	case "github":
		r.Header.Set("X-GitHub-Event", "push")
		r.Header.Set("X-Hub-Signature-256", "sha256="+signature)
	case "gitlab":
		r.Header.Set("X-Gitlab-Event", "Push Hook")
		r.Header.Set("X-Gitlab-Event-UUID", commit)
		r.Header.Set("X-Gitlab-Token", knockSecret)
	case "gitea":
		r.Header.Set("X-Gitea-Event", "push")
		r.Header.Set("X-Gitea-Signature", signature)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the webhook is answered with %s", answer.Status)
	}
	return nil
}
