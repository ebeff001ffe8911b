// Package standin is a forge for tests: it takes commit statuses as the documented
// APIs of GitHub, GitLab, Gitea and Forgejo do, and refuses all that they refuse.
//
// Rule of the package: only tests import it.
package standin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"havn.internal/gitops/forge"
)

// A Status is one that was taken. State is in the words of the forge.
type Status struct {
	Commit, State, Context, Description, TargetURL string
}

// A Forge has one repository.
type Forge struct {
	Kind forge.Kind
	// Root is the path that the forge is served under, such as /git.
	Root string
	// Path is the repository's owner and name, Commits what is in it.
	Path    string
	Commits []string

	mu       sync.Mutex
	token    string
	statuses []Status
	broken   []http.HandlerFunc
}

// Require makes a token the only one that is right.
func (f *Forge) Require(token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.token = token
}

// Know adds a commit to the repository.
func (f *Forge) Know(commit string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Commits = append(f.Commits, commit)
}

// Break has the next requests answered by these handlers, one each.
func (f *Forge) Break(h ...http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = append(f.broken, h...)
}

// Statuses returns what was taken, in order.
func (f *Forge) Statuses() []Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.statuses)
}

// A refusal is an answer with the words that the forge has for it.
type refusal struct {
	status  int
	message any
}

func (f *Forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	if len(f.broken) > 0 {
		h := f.broken[0]
		f.broken = f.broken[1:]
		f.mu.Unlock()
		h(w, r)
		return
	}
	defer f.mu.Unlock()
	var s Status
	var no *refusal
	switch f.Kind {
	case forge.GitHub:
		s, no = f.github(r)
	case forge.GitLab:
		s, no = f.gitlab(r)
	default:
		s, no = f.gitea(r)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if no != nil {
		w.WriteHeader(no.status)
		_ = json.NewEncoder(w).Encode(map[string]any{"message": no.message})
		return
	}
	f.statuses = append(f.statuses, s)
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{"id": len(f.statuses), "state": s.State, "description": s.Description})
}

func (f *Forge) github(r *http.Request) (Status, *refusal) {
	api := f.Root + "/api/v3"
	switch {
	case r.UserAgent() == "":
		return Status{}, &refusal{403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header"}
	case r.Header.Get("Authorization") != "Bearer "+f.token:
		return Status{}, &refusal{401, "Bad credentials"}
	case r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("X-GitHub-Api-Version") != "2022-11-28":
		return Status{}, &refusal{415, "Must accept 'application/vnd.github+json' of a version"}
	}
	commit, no := f.commit(r, api+"/repos/"+f.Path+"/statuses/")
	if no != nil {
		return Status{}, no
	}
	if !slices.Contains(f.Commits, commit) {
		return Status{}, &refusal{422, "No commit found for SHA: " + commit}
	}
	s, no := read(r, commit, "context")
	switch {
	case no != nil:
		return Status{}, no
	case !slices.Contains([]string{"error", "failure", "pending", "success"}, s.State):
		return Status{}, &refusal{422, "Validation Failed: state"}
	case utf8.RuneCountInString(s.Description) > 140:
		return Status{}, &refusal{422, "Validation Failed: description is too long (maximum is 140 characters)"}
	case f.count(s) >= 1000:
		return Status{}, &refusal{422, "Validation Failed: This SHA and context has reached the maximum number of statuses."}
	}
	return s, nil
}

func (f *Forge) gitea(r *http.Request) (Status, *refusal) {
	if a := r.Header.Get("Authorization"); a != "token "+f.token && a != "Bearer "+f.token {
		return Status{}, &refusal{401, "user does not exist"}
	}
	commit, no := f.commit(r, f.Root+"/api/v1/repos/"+f.Path+"/statuses/")
	if no != nil {
		return Status{}, no
	}
	if !slices.Contains(f.Commits, commit) {
		return Status{}, &refusal{404, "object does not exist [id: " + commit + "]"}
	}
	s, no := read(r, commit, "context")
	if no == nil && !slices.Contains([]string{"pending", "success", "error", "failure", "warning"}, s.State) {
		no = &refusal{422, "[State]: Unknown"}
	}
	return s, no
}

func (f *Forge) gitlab(r *http.Request) (Status, *refusal) {
	if r.Header.Get("PRIVATE-TOKEN") != f.token {
		return Status{}, &refusal{401, "401 Unauthorized"}
	}
	commit, no := f.commit(r, f.Root+"/api/v4/projects/"+url.PathEscape(f.Path)+"/statuses/")
	if no != nil {
		return Status{}, no
	}
	if !slices.Contains(f.Commits, commit) {
		return Status{}, &refusal{404, "404 Commit Not Found"}
	}
	s, no := read(r, commit, "name")
	switch {
	case no != nil:
		return Status{}, no
	case !slices.Contains([]string{"pending", "running", "success", "failed", "canceled", "skipped"}, s.State):
		return Status{}, &refusal{400, map[string]any{"error": "state does not have a valid value"}}
	case utf8.RuneCountInString(s.Description) > 255:
		return Status{}, &refusal{400, map[string]any{"description": []string{"is too long (maximum is 255 characters)"}}}
	case utf8.RuneCountInString(s.TargetURL) > 255 || utf8.RuneCountInString(s.Context) > 255:
		return Status{}, &refusal{400, map[string]any{"target_url": []string{"is too long (maximum is 255 characters)"}}}
	}
	for _, old := range slices.Backward(f.statuses) {
		if old.Commit == commit && old.Context == s.Context {
			if old.State == "running" && s.State == "running" {
				return Status{}, &refusal{400, `Cannot transition status via :run from :running (Reason(s): Status cannot transition via "run")`}
			}
			break
		}
	}
	return s, nil
}

// commit is the last part of the path, which has to begin as said, escapes included.
func (f *Forge) commit(r *http.Request, prefix string) (string, *refusal) {
	commit, ok := strings.CutPrefix(r.URL.EscapedPath(), prefix)
	switch {
	case !ok || strings.Contains(commit, "/") || r.URL.RawQuery != "":
		return "", &refusal{404, "Not Found"}
	case r.Method != http.MethodPost:
		return "", &refusal{405, "Method Not Allowed"}
	case r.Header.Get("Content-Type") != "application/json":
		return "", &refusal{415, "Unsupported Media Type"}
	}
	return commit, nil
}

func (f *Forge) count(s Status) int {
	n := 0
	for _, old := range f.statuses {
		if old.Commit == s.Commit && strings.EqualFold(old.Context, s.Context) {
			n++
		}
	}
	return n
}

// read reads the body, which has no other fields than the documented ones.
func read(r *http.Request, commit, context string) (Status, *refusal) {
	var b map[string]string
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	if err := d.Decode(&b); err != nil || d.More() {
		return Status{}, &refusal{400, "Problems parsing JSON"}
	}
	for field := range b {
		if !slices.Contains([]string{"state", "target_url", "description", context}, field) {
			return Status{}, &refusal{422, fmt.Sprintf("%q is not a permitted key", field)}
		}
	}
	s := Status{Commit: commit, State: b["state"], Context: b[context], Description: b["description"], TargetURL: b["target_url"]}
	if u, err := url.Parse(s.TargetURL); s.TargetURL != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http") {
		return Status{}, &refusal{422, "target_url must use http(s) scheme"}
	}
	if s.Context == "" {
		return Status{}, &refusal{422, context + " is missing"}
	}
	return s, nil
}
