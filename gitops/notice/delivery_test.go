package notice_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"havn.internal/gitops/notice"
)

func TestInOrder(t *testing.T) {
	inWorld(t, func(w *world) {
		w.up()
		w.tell("one", "two", "three")
		w.want("one", "two", "three")
	})
}

// What waits is sent after a restart, in order; what was taken is not sent again.
func TestOverRestarts(t *testing.T) {
	inWorld(t, func(w *world) {
		w.up()
		w.tell("one")
		w.want("one")
		w.away()
		w.tell("two", "three")
		time.Sleep(time.Hour)
		for range 3 {
			w.down()
			w.up()
			time.Sleep(time.Minute)
		}
		w.tell("four")
		w.down()
		w.back()
		w.up()
		time.Sleep(time.Minute)
		w.want("one", "two", "three", "four")
		w.tell("five")
		w.want("one", "two", "three", "four", "five")
	})
}

// A message is the same to its receiver at every try.
func TestTheIDStays(t *testing.T) {
	inWorld(t, func(w *world) {
		w.options.Targets = []notice.Target{{Name: "hook", Kind: notice.Webhook, Address: w.file("http://chat/hook"), Secrets: w.file(signer)}}
		w.chat.answer = func(n int, rw http.ResponseWriter) bool {
			if n < 4 {
				rw.WriteHeader(http.StatusBadGateway)
			}
			return n < 4
		}
		w.up()
		w.tell("one")
		time.Sleep(2 * time.Second)
		w.down()
		w.up()
		time.Sleep(time.Minute)
		ids := map[string]bool{}
		for _, s := range w.chat.all() {
			ids[s.header.Get("webhook-id")] = true
		}
		if len(ids) != 1 || len(w.chat.all()) != 4 {
			t.Errorf("%d tries with the ids %v", len(w.chat.all()), ids)
		}
	})
}

// A target that is away for days is told when it is back, soon; waits are bounded.
func TestAwayForDays(t *testing.T) {
	inWorld(t, func(w *world) {
		w.away()
		w.up()
		w.tell("one")
		time.Sleep(70 * time.Hour)
		w.back()
		time.Sleep(6 * time.Minute)
		w.want("one")
	})
}

func TestTooOldIsDropped(t *testing.T) {
	inWorld(t, func(w *world) {
		w.away()
		w.up()
		w.tell("one")
		time.Sleep(71 * time.Hour)
		w.tell("two")
		time.Sleep(2 * time.Hour)
		w.back()
		time.Sleep(6 * time.Minute)
		w.want("two")
		if strings.Count(w.log.String(), "was dropped") != 1 {
			t.Error("the dropping is not in the log, once")
		}
	})
}

// A message that the target says no to is dropped after a bound, and the next ones
// are sent.
func TestPoison(t *testing.T) {
	inWorld(t, func(w *world) {
		w.chat.answer = func(n int, rw http.ResponseWriter) bool {
			if n <= 5 {
				rw.WriteHeader(http.StatusBadRequest)
			}
			return n <= 5
		}
		w.up()
		w.tell("poison")
		time.Sleep(15 * time.Second)
		w.down()
		w.up()
		w.tell("two")
		time.Sleep(10 * time.Minute)
		w.want("poison", "poison", "poison", "poison", "poison", "two")
		if got, _ := w.outbox.List(); len(got) != 1 {
			t.Errorf("in the outbox: %+v", got)
		}
	})
}

func TestTheTargetAsksToWait(t *testing.T) {
	inWorld(t, func(w *world) {
		w.chat.answer = func(n int, rw http.ResponseWriter) bool {
			if n == 1 {
				rw.Header().Set("Retry-After", "1800")
				rw.WriteHeader(http.StatusTooManyRequests)
			}
			return n == 1
		}
		w.up()
		w.tell("one")
		time.Sleep(29 * time.Minute)
		if got := len(w.chat.all()); got != 1 {
			t.Errorf("%d tries before the time", got)
		}
		time.Sleep(2 * time.Minute)
		w.want("one", "one")
	})
}

// Targets don't wait for each other.
func TestOneTargetIsAway(t *testing.T) {
	inWorld(t, func(w *world) {
		dead := w.options.Targets[0]
		dead.Name, dead.Address = "dead", w.file("http://nowhere/x")
		w.options.Targets = append([]notice.Target{dead}, w.options.Targets...)
		w.up()
		w.tell("one", "two")
		w.want("one", "two")
		w.down()
		// A target that is no more leaves nothing behind.
		w.options.Targets = w.options.Targets[1:]
		w.up()
		if entries, _ := w.outbox.List(); slices.ContainsFunc(entries, func(e notice.Entry) bool { return e.Target == "dead" }) {
			t.Error("the outbox keeps what nobody will get")
		}
	})
}

// An outbox that fails costs what restarts would lose, and no message now.
func TestABrokenOutbox(t *testing.T) {
	inWorld(t, func(w *world) {
		w.outbox.broken = errors.New("no space left on device")
		w.up()
		w.tell("one", "two", "one")
		w.want("one", "two")
	})
}

// However much happens while a target is away, a bounded number waits: the newest.
func TestWhatWaitsIsBounded(t *testing.T) {
	inWorld(t, func(w *world) {
		w.away()
		w.up()
		for i := range 2000 {
			w.tell(fmt.Sprint(i))
		}
		if got, _ := w.outbox.List(); len(got) != 500 {
			t.Errorf("%d wait", len(got))
		}
		w.back()
		time.Sleep(time.Minute)
		got := w.chat.texts()
		if len(got) != 500 || got[499] != "1999" {
			t.Errorf("%d sent, the last of them %s", len(got), got[len(got)-1])
		}
		for i := range 2000 {
			w.tell(fmt.Sprint("more ", i))
			time.Sleep(time.Second)
		}
		if got, _ := w.outbox.List(); len(got) > 501 {
			t.Errorf("%d kept", len(got))
		}
	})
}

// A token or an address that is changed is used at the next try.
func TestFilesAreChangedWhileItRuns(t *testing.T) {
	inWorld(t, func(w *world) {
		f := w.file()
		w.options.Targets[0].Address = f
		w.up()
		w.tell("one")
		time.Sleep(time.Hour)
		w.want()
		write(t, f, slackURL)
		time.Sleep(6 * time.Minute)
		w.want("one")
	})
}
