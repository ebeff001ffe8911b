package notice_test

import (
	"testing"
	"time"

	"havn.internal/gitops/notice"
)

// The same news is told once in a while, also over restarts; other news at once.
func TestTheSameNews(t *testing.T) {
	inWorld(t, func(w *world) {
		w.up()
		for i := range 30 {
			w.Notify(notice.Event{Kind: "rollout.failed", Severity: notice.Error, Service: "web", Title: "web is down", Detail: time.Now().String()})
			time.Sleep(time.Minute)
			if i%10 == 9 {
				w.down()
				w.up()
			}
		}
		w.want("web is down")
		w.Notify(notice.Event{Kind: "rollout.failed", Severity: notice.Error, Service: "api", Title: "web is down"})
		w.Notify(notice.Event{Kind: "rollout.failed", Severity: notice.Error, Service: "web", Revision: "2", Title: "web is down"})
		w.want("web is down", "web is down", "web is down")
		time.Sleep(31 * time.Minute)
		w.tell("web is down")
		w.want("web is down", "web is down", "web is down", "web is down")
	})
}

// While a target is away the same news waits once.
func TestTheSameNewsWaits(t *testing.T) {
	inWorld(t, func(w *world) {
		w.away()
		w.up()
		for range 20 {
			w.tell("web is down")
			time.Sleep(2 * time.Hour)
		}
		w.back()
		time.Sleep(6 * time.Minute)
		w.want("web is down")
	})
}

// A trouble that was over is news when it comes again.
func TestOverAndAgain(t *testing.T) {
	for _, away := range []bool{false, true} {
		inWorld(t, func(w *world) {
			w.up()
			if away {
				w.away()
			}
			over := notice.Event{Kind: "rollout.done", Severity: notice.Info, Service: "web", Title: "web is up", Over: true}
			w.tell("web is down", "web is down")
			time.Sleep(time.Second)
			w.Notify(over)
			w.Notify(over)
			time.Sleep(time.Second)
			w.Notify(notice.Event{Kind: "rollout.done", Severity: notice.Info, Service: "api", Title: "api is up", Over: true})
			w.tell("web is down")
			time.Sleep(time.Second)
			w.Notify(over)
			if away {
				w.back()
			}
			time.Sleep(6 * time.Minute)
			w.want("web is down", "web is up", "api is up", "web is down", "web is up")
		})
	}
}

func TestFilters(t *testing.T) {
	inWorld(t, func(w *world) {
		w.options.Targets[0].Least, w.options.Targets[0].Services = notice.Warning, []string{"web", "api"}
		w.up()
		for _, service := range []string{"web", "db", ""} {
			for _, severity := range []notice.Severity{notice.Info, notice.Warning, notice.Error} {
				w.Notify(notice.Event{Severity: severity, Service: service, Title: service + " " + string(severity)})
			}
		}
		// What says nothing of its severity is not kept from anyone.
		w.Notify(notice.Event{Title: "unknown"})
		w.want("web warning", "web error", "warning", "error", "unknown")
	})
}
