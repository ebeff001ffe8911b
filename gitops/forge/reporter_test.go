package forge_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"havn.internal/gitops/egress"
	"havn.internal/gitops/egress/pipe"
	"havn.internal/gitops/forge"
	"havn.internal/gitops/forge/standin"
)

// A world is a forge, a reporter and the network between them, in a time of its own.
type world struct {
	*standin.Forge
	*forge.Reporter
	// away takes the forge off the network, and the result brings it back.
	away func() (back func())
	// token is the file of the token.
	token string
	// restart ends the reporter, and begins another with its memory.
	restart func()
}

// A notebook is a memory.
type notebook []forge.Said

func (n *notebook) Said() []forge.Said    { return slices.Clone(*n) }
func (n *notebook) Say(said []forge.Said) { *n = slices.Clone(said) }

func reporting(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var n pipe.Network
		w := &world{Forge: &standin.Forge{Kind: forge.GitHub, Path: "acme/site"}}
		for i := range 200 {
			w.Commits = append(w.Commits, id(i))
		}
		w.Require(token)
		stop := n.Serve("forge:80", w.Forge)
		w.away = func() func() {
			stop()
			return func() { stop = n.Serve("forge:80", w.Forge) }
		}
		e, err := egress.New(egress.Options{Dial: n.Dial, Plain: true})
		if err != nil {
			t.Fatal(err)
		}
		r, err := forge.Find("http://forge/acme/site", forge.GitHub, "")
		if err != nil {
			t.Fatal(err)
		}
		client, memory := &forge.Client{Repository: r, Token: tokenFile(t, token), Egress: e}, &notebook{}
		w.token = string(client.Token)
		begin := func() (end func()) {
			w.Reporter = forge.NewReporter(client, memory, slog.New(slog.DiscardHandler))
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			run := w.Run
			go func() { done <- run(ctx) }()
			return func() {
				cancel()
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("Run() = %v", err)
				}
			}
		}
		end := begin()
		w.restart = func() {
			end()
			end = begin()
		}
		test(t, w)
		end()
		e.Close()
		stop()
	})
}

func id(i int) string { return fmt.Sprintf("%040x", i) }

func (w *world) report(commit int, state forge.State, reason string) {
	w.Report(forge.Status{Commit: id(commit), State: state, Context: "havn/web1", Reason: reason})
}

// said is what the forge was told, in order.
func (w *world) said() (out []string) {
	for _, s := range w.Statuses() {
		out = append(out, fmt.Sprintf("%s %s %s", s.Commit[38:], s.State, s.Description))
	}
	return out
}

// What was said longest ago is forgotten first, over restarts too.
func TestTheOldestIsForgottenFirst(t *testing.T) {
	reporting(t, func(t *testing.T, w *world) {
		for commit := range 30 {
			w.report(commit, forge.Success, "")
			synctest.Wait()
			w.restart()
		}
		before := len(w.said())
		for commit := range 20 {
			w.report(commit+10, forge.Success, "")
			synctest.Wait()
		}
		if again := w.said()[before:]; len(again) > 0 {
			t.Errorf("said again %q", again)
		}
	})
}

func TestReportsInOrderAndOnce(t *testing.T) {
	reporting(t, func(t *testing.T, w *world) {
		for range 3 {
			w.report(1, forge.Pending, "rolling web")
			synctest.Wait()
		}
		w.report(1, forge.Success, "")
		synctest.Wait()
		w.report(2, forge.Failure, "web is not ready")
		synctest.Wait()
		want := []string{"01 pending rolling web", "01 success ", "02 failure web is not ready"}
		if got := w.said(); !slices.Equal(got, want) {
			t.Errorf("said %q", got)
		}
	})
}

// A havn that starts again and again says what is so once, and what is new.
func TestRestartsSayNothingAgain(t *testing.T) {
	reporting(t, func(t *testing.T, w *world) {
		for range 50 {
			w.report(1, forge.Pending, "rolling web")
			synctest.Wait()
			w.restart()
		}
		w.report(1, forge.Success, "")
		synctest.Wait()
		w.restart()
		w.report(1, forge.Success, "")
		w.report(2, forge.Pending, "")
		synctest.Wait()
		w.report(1, forge.Pending, "rolling web")
		synctest.Wait()
		want := []string{"01 pending rolling web", "01 success ", "02 pending ", "01 pending rolling web"}
		if got := w.said(); !slices.Equal(got, want) {
			t.Errorf("said %q", got)
		}
	})
}

// While the forge is away the newest of a commit replaces what was to be said
// before, and is said soon after the forge is back.
func TestTheForgeIsAwayForDays(t *testing.T) {
	reporting(t, func(t *testing.T, w *world) {
		back := w.away()
		w.report(1, forge.Pending, "")
		time.Sleep(time.Minute)
		w.report(1, forge.Success, "")
		w.report(2, forge.Pending, "")
		time.Sleep(72 * time.Hour)
		w.report(2, forge.Failure, "no")
		back()
		time.Sleep(6 * time.Minute)
		if got := w.said(); !slices.Equal(got, []string{"01 success ", "02 failure no"}) {
			t.Errorf("said %q", got)
		}
	})
}

func TestTheForgeAsksToWait(t *testing.T) {
	reporting(t, func(t *testing.T, w *world) {
		start := time.Now()
		w.Break(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", fmt.Sprint(start.Add(20*time.Minute).Unix()))
			w.WriteHeader(http.StatusForbidden)
		})
		w.report(1, forge.Success, "")
		time.Sleep(19 * time.Minute)
		if got := w.said(); len(got) != 0 {
			t.Errorf("said %q before the time", got)
		}
		time.Sleep(2 * time.Minute)
		if got := w.said(); len(got) != 1 {
			t.Errorf("said %q", got)
		}
	})
}

// What changes while it is being said is said afterwards.
func TestItChangesMeanwhile(t *testing.T) {
	reporting(t, func(t *testing.T, w *world) {
		w.Break(func(rw http.ResponseWriter, _ *http.Request) {
			w.report(1, forge.Success, "")
			rw.WriteHeader(http.StatusCreated)
		})
		w.report(1, forge.Pending, "")
		time.Sleep(time.Second)
		if got := w.said(); !slices.Equal(got, []string{"01 success "}) {
			t.Errorf("said %q", got)
		}
	})
}

// What the forge refuses holds up nothing, and is said again only if it is reported
// again, and then not soon.
func TestARefusalHoldsNothingUp(t *testing.T) {
	reporting(t, func(t *testing.T, w *world) {
		asked := 0
		refuse := func(w http.ResponseWriter, _ *http.Request) { asked++; w.WriteHeader(http.StatusUnprocessableEntity) }
		w.Break(refuse, refuse)
		w.report(1, forge.Success, "")
		synctest.Wait()
		time.Sleep(24 * time.Hour)
		if asked != 1 {
			t.Errorf("asked %d times for one report", asked)
		}
		for range 60 {
			w.report(1, forge.Success, "")
			time.Sleep(10 * time.Second)
		}
		if asked != 2 {
			t.Errorf("asked %d times for reports within ten minutes", asked)
		}
		w.report(1, forge.Failure, "")
		w.report(2, forge.Success, "")
		time.Sleep(time.Second)
		if got := w.said(); !slices.Equal(got, []string{"01 failure ", "02 success "}) {
			t.Errorf("said %q", got)
		}
	})
}

// A commit whose state goes up and down for a week stays within what GitHub takes,
// and the last word is said.
func TestFlapping(t *testing.T) {
	reporting(t, func(t *testing.T, w *world) {
		for range 60 * 24 * 7 {
			w.report(1, forge.Failure, "")
			time.Sleep(30 * time.Second)
			w.report(1, forge.Success, "")
			time.Sleep(30 * time.Second)
		}
		w.report(1, forge.Failure, "last")
		w.report(2, forge.Success, "")
		time.Sleep(16 * time.Minute)
		got := w.said()
		if len(got) > 1000 || !slices.Contains(got[len(got)-2:], "01 failure last") || !slices.Contains(got[len(got)-3:], "02 success ") {
			t.Errorf("%d statuses, the last of them %q", len(got), got[len(got)-3:])
		}
	})
}

// However many commits come while the forge is away, a bounded number is kept: the
// newest.
func TestWaitingCommitsAreBounded(t *testing.T) {
	reporting(t, func(t *testing.T, w *world) {
		back := w.away()
		for i := range 200 {
			w.report(i, forge.Success, "")
		}
		time.Sleep(time.Second)
		back()
		time.Sleep(time.Minute)
		if got := w.said(); len(got) != 100 || got[99] != fmt.Sprintf("%02x success ", 199) {
			t.Errorf("%d said, %q", len(got), got[max(0, len(got)-1):])
		}
	})
}

func TestWrongStatusesAreNotSent(t *testing.T) {
	reporting(t, func(t *testing.T, w *world) {
		w.Report(forge.Status{Commit: "main", State: forge.Success, Context: "x"})
		time.Sleep(time.Hour)
		if got := w.said(); len(got) != 0 {
			t.Errorf("said %q", got)
		}
	})
}

// That the forge refuses, or is away, can be seen until it takes something again.
func TestTheProblemIsSeen(t *testing.T) {
	reporting(t, func(t *testing.T, w *world) {
		w.report(1, forge.Pending, "")
		synctest.Wait()
		if got := w.Problem(); got != "" {
			t.Errorf("at first: %s", got)
		}
		w.Require("another token")
		w.report(1, forge.Success, "")
		synctest.Wait()
		if got := w.Problem(); !strings.Contains(got, "401") || strings.Contains(got, token) {
			t.Errorf("refused: %q", got)
		}
		w.Require(token)
		w.report(2, forge.Success, "")
		time.Sleep(3 * time.Minute)
		if got := w.Problem(); got != "" {
			t.Errorf("taken: %q", got)
		}
	})
}
