package forge_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"havn.internal/gitops/forge"
)

// Each refusal that may end is tried again by itself, at least a minute apart, and its
// words tell it from the others.
func TestRefusalsAreTriedAgainAndToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		head, body string
		says       string
		// within is when it is tried again at the latest; 0 is never.
		least, within time.Duration
	}{
		"secondary limit":               {403, "", `{"message":"You have exceeded a secondary rate limit."}`, "limits requests", time.Minute, 3 * time.Minute},
		"secondary limit, with a time":  {403, "90", `{"message":"You have exceeded a secondary rate limit."}`, "limits requests", 90 * time.Second, 4 * time.Minute},
		"too many requests":             {429, "", `{}`, "limits requests", time.Minute, 3 * time.Minute},
		"too many requests, for long":   {429, "600", `{}`, "limits requests", 10 * time.Minute, 12 * time.Minute},
		"a token that has expired":      {401, "", `{"message":"Bad credentials"}`, "does not accept the token", time.Minute, 3 * time.Minute},
		"a token without the right":     {403, "", `{"message":"Resource not accessible by personal access token"}`, "may not set statuses", time.Minute, 3 * time.Minute},
		"a repository that is not seen": {404, "", `{"message":"Not Found"}`, "no repository acme/site", time.Minute, 3 * time.Minute},
		"a repository that has moved":   {301, "", ``, "has moved", time.Minute, 3 * time.Minute},
		"a commit that is not there":    {422, "", `{"message":"No commit found for SHA: 01"}`, "does not have the commit", time.Minute, 3 * time.Minute},
		"a status that is not taken":    {422, "", `{"message":"Validation Failed"}`, "does not take this status", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			reporting(t, func(t *testing.T, w *world) {
				var asked []time.Time
				refuse := func(out http.ResponseWriter, _ *http.Request) {
					asked = append(asked, time.Now())
					if c.head != "" {
						out.Header().Set("Retry-After", c.head)
					}
					out.Header().Set("Content-Type", "application/json")
					out.WriteHeader(c.status)
					_, _ = fmt.Fprint(out, c.body)
				}
				w.Break(slices.Repeat([]http.HandlerFunc{refuse}, 2)...)
				w.report(1, forge.Success, "")
				time.Sleep(30 * time.Second)
				if got := w.Problem(); !strings.Contains(got, c.says) || !strings.Contains(got, fmt.Sprint(c.status)) {
					t.Errorf("said %q", got)
				}
				time.Sleep(c.within + time.Hour)
				if c.within == 0 {
					if len(asked) != 1 {
						t.Errorf("asked %d times", len(asked))
					}
					w.Break() // the second refusal is left over, and for nobody
					return
				}
				if len(asked) != 2 || asked[1].Sub(asked[0]) < c.least || asked[1].Sub(asked[0]) > c.within {
					t.Errorf("asked at %v", asked)
				}
				if got := w.said(); len(got) != 1 || w.Problem() != "" {
					t.Errorf("said %q, %q", got, w.Problem())
				}
			})
		})
	}
}

// A token that is written anew is tried at once.
func TestANewTokenIsTriedAtOnce(t *testing.T) {
	reporting(t, func(t *testing.T, w *world) {
		w.Require("the new token")
		w.report(1, forge.Success, "")
		time.Sleep(24 * time.Hour) // the waits are long by now
		if err := os.WriteFile(w.token, []byte("the new token\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if got := w.said(); len(got) != 1 {
			t.Errorf("said %q, %q", got, w.Problem())
		}
	})
}

// A commit that the forge does not know holds up no other.
func TestAnUnknownCommitHoldsUpNoOther(t *testing.T) {
	reporting(t, func(t *testing.T, w *world) {
		w.Break(func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(http.StatusNotFound) })
		w.report(1, forge.Success, "")
		w.report(2, forge.Success, "")
		time.Sleep(10 * time.Second)
		if got := w.said(); !slices.Equal(got, []string{"02 success "}) {
			t.Errorf("said %q", got)
		}
		time.Sleep(3 * time.Minute)
		if got := w.said(); !slices.Equal(got, []string{"02 success ", "01 success "}) {
			t.Errorf("said %q", got)
		}
	})
}
