package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// With a token GitLab has the plan as a note on the merge request; a token that it
// does not take fails the job, and is not in its log.
func TestGitLabGetsTheNote(t *testing.T) {
	files, err := workflows([]string{"gitlab"})
	if err != nil {
		t.Fatal(err)
	}
	blocks, _, err := blocksOf(files[0].name, []byte(files[0].content))
	if err != nil {
		t.Fatal(err)
	}
	const plan = "### havn plan: 1 change\n\n& more = 100%\n"
	got := make(chan string, 1)
	forge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("PRIVATE-TOKEN") != "t0ken" {
			http.Error(w, "401 Unauthorized", http.StatusUnauthorized)
			return
		}
		got <- r.Method + " " + r.URL.Path + " " + r.FormValue("body")
	}))
	defer forge.Close()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".havn"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".havn", "plan.md"), []byte(plan), 0o644); err != nil {
		t.Fatal(err)
	}
	do := func(script, token string) (string, error) {
		cmd := exec.Command("bash", "-eo", "pipefail", "-c", script)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HAVN_NOTE_TOKEN=" + token, "CI_API_V4_URL=" + forge.URL + "/api/v4", "CI_PROJECT_ID=5", "CI_MERGE_REQUEST_IID=7"}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	run := func(token string) (string, error) { return do(blocks[len(blocks)-1].script, token) }
	if out, err := run("t0ken"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if note := <-got; note != "POST /api/v4/projects/5/merge_requests/7/notes "+plan {
		t.Errorf("the note is %q", note)
	}
	if out, err := run("wrong"); err == nil || strings.Contains(out, "wrong") {
		t.Errorf("%v: %s", err, out)
	}
	// A plan that the merge request brings is not told.
	if out, err := do(blocks[len(blocks)-2].script, ""); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := run("t0ken"); err != nil || len(got) > 0 {
		t.Errorf("%d notes, %v: %s", len(got), err, out)
	}
}
