package notice_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"havn.internal/gitops/notice"
)

// Who was told of a trouble is told of its end, and nobody else.
func TestTheEndIsToldToWhoWasTold(t *testing.T) {
	inWorld(t, func(w *world) {
		w.options.Targets[0].Least = notice.Error
		w.up()
		end := notice.Event{Kind: "service.failing", Severity: notice.Info, Service: "web", Over: true}
		end.Title, end.Ends = "the warning is over", notice.Warning
		w.Notify(end)
		end.Title, end.Ends = "the error is over", notice.Error
		w.Notify(end)
		w.want("the error is over")
	})
}

// It can be seen who has not been reached, and why, without a secret.
func TestStandings(t *testing.T) {
	inWorld(t, func(w *world) {
		w.up()
		if got := w.Standings(); len(got) != 1 || got[0] != (notice.Standing{Name: "ops", Kind: notice.Slack}) {
			t.Errorf("at first: %+v", got)
		}
		w.away()
		w.tell("web is down", "web is really down")
		synctest.Wait()
		got := w.Standings()[0]
		if got.Waiting != 2 || got.Problem == "" || !got.Last.IsZero() || strings.Contains(got.Problem, "canary") {
			t.Errorf("away: %+v", got)
		}
		w.back()
		time.Sleep(10 * time.Second)
		if got := w.Standings()[0]; got.Waiting != 0 || got.Problem != "" || time.Since(got.Last) > 10*time.Second {
			t.Errorf("back: %+v", got)
		}
		last := w.Standings()[0].Last
		w.down()
		w.up()
		if got := w.Standings()[0].Last; !got.Equal(last) && last.Sub(got).Abs() > time.Second {
			t.Errorf("after a restart the last was at %s, and not %s", got, last)
		}
	})
}

// A try goes to everybody at once, beside what waits, and says what became of it.
func TestTry(t *testing.T) {
	inWorld(t, func(w *world) {
		w.options.Targets = append(w.options.Targets,
			notice.Target{Name: "none", Kind: notice.Slack, Address: "/nowhere", Least: notice.Error},
			notice.Target{Name: "errors", Kind: notice.Slack, Address: w.file(slackURL), Least: notice.Error})
		w.up()
		got := w.Try(w.t.Context())
		if len(got) != 3 || got[0].Name != "ops" || got[0].Err != nil || got[1].Err == nil || got[2].Err != nil {
			t.Errorf("tried: %v", got)
		}
		if texts := w.chat.texts(); len(texts) != 2 {
			t.Errorf("the chat got %q", texts)
		}
		w.away()
		if got := w.Try(w.t.Context()); got[0].Err == nil || strings.Contains(got[0].Err.Error(), "canary") {
			t.Errorf("tried while it is away: %v", got[0].Err)
		}
		if got := w.Standings(); got[0].Waiting+got[1].Waiting != 0 {
			t.Errorf("a try waits: %+v", got)
		}
		w.back()
	})
}
