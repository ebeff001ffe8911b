package hold_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"havn.internal/gitops/hold"
	"havn.internal/spec"
)

// A rig is a gate over a state directory, and what it handed on.
type rig struct {
	*hold.Gate
	mu     sync.Mutex
	wishes []string
	pinned int // services, of the last wish
	last   *spec.Site
	// skew is how far the clock was set.
	skew time.Duration
}

func newRig(dir string, c hold.Calendar) *rig {
	r := &rig{}
	r.Gate = &hold.Gate{
		Store: hold.Store{Dir: dir}, Calendar: c, Log: slog.New(slog.DiscardHandler),
		Last: func() (spec.Site, bool) {
			if r.last == nil {
				return spec.Site{}, false
			}
			return *r.last, true
		},
		Want: func(w hold.Wish) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.wishes, r.last, r.pinned = append(r.wishes, w.Site.Revision), &w.Site, len(w.Pinned)
		},
		Now: func() time.Time {
			r.mu.Lock()
			defer r.mu.Unlock()
			return time.Now().Add(r.skew)
		},
	}
	return r
}

func (r *rig) wants(t *testing.T, revisions ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.wishes, revisions) {
		t.Errorf("wanted were %v, want %v", r.wishes, revisions)
	}
	r.wishes = nil
}

func (r *rig) must(t *testing.T) func(error) {
	return func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestPinHoldsOverARestart(t *testing.T) {
	dir := t.TempDir()
	r := newRig(dir, hold.Calendar{})
	must := r.must(t)
	r.Offer(web("1"))
	r.Offer(web("2"))
	must(r.Pin(*whole(web("1"))))
	r.Offer(web("3"))
	r.wants(t, "1", "2", "1")

	// The next havn has the pin before the source has said anything, and though
	// its memory is lost.
	again := newRig(dir, hold.Calendar{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); again.Run(ctx) }()
	for again.Standing().Wanted != "1" {
		time.Sleep(time.Millisecond)
	}
	again.Offer(web("3"))
	s := again.Standing()
	if !s.Pinned() || s.Waits != "3" || s.Pins[0].Who != "ada" || s.Pins[0].Why != "errors" {
		t.Errorf("%+v", s)
	}
	off, err := again.Unpin("")
	must(err)
	if len(off) != 1 || off[0].Revision != "1" {
		t.Errorf("taken off were %v", off)
	}
	if s := again.Standing(); s.Wanted != "3" || s.Pinned() || len(s.Lines()) != 0 {
		t.Errorf("%+v", s)
	}
	cancel()
	<-done
	if _, err := again.Unpin(""); err == nil {
		t.Error("nothing is pinned, and that is no error")
	}
}

func TestPinsOfServices(t *testing.T) {
	r := newRig(t.TempDir(), hold.Calendar{})
	must := r.must(t)
	r.Offer(web("1"))
	r.Offer(web("2"))
	must(r.Pin(only(t, "web", web("1"), web("2"))))
	r.Offer(web("3"))
	must(r.Pin(only(t, "api", web("2"), web("3"))))
	if _, err := r.Unpin("db"); err == nil {
		t.Error("a service that is not pinned was unpinned")
	}
	_, err := r.Unpin("web")
	must(err)
	r.wants(t, "1", "2", "2+web@1", "3+web@1", "3+api@2+web@1", "3+api@2")
	if r.pinned != 1 {
		t.Errorf("the wish names %d services that are pinned", r.pinned)
	}
	// A rollback of the host is to that revision, whole.
	must(r.Pin(*whole(web("1"))))
	if s := r.Standing(); len(s.Pins) != 1 || s.Wanted != "1" {
		t.Errorf("%+v", s)
	}
}

// A pin that would break what is wanted is refused, and leaves no trace.
func TestPinThatBreaksIsRefused(t *testing.T) {
	dir := t.TempDir()
	r := newRig(dir, hold.Calendar{})
	one, two := web("1"), web("2")
	s := one.Services["web"]
	s.Needs = []string{"gone"}
	one.Services["web"] = s
	r.Offer(two)
	if err := r.Pin(only(t, "web", one, two)); err == nil || !strings.Contains(err.Error(), `no service "gone"`) {
		t.Errorf("it was not refused: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "pin.json")); err == nil || r.Standing().Pinned() {
		t.Error("it left a trace")
	}
	r.wants(t, "2")
}

func TestDamagedPinChangesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pin.json")
	r := newRig(dir, hold.Calendar{})
	must := r.must(t)
	r.Offer(web("2"))
	must(r.Pin(*whole(web("1"))))
	whole, err := os.ReadFile(path)
	must(err)
	for at := range whole {
		bent := slices.Clone(whole)
		bent[at] ^= 1
		must(os.WriteFile(path, bent, 0o600))
		if s, err := (hold.Store{Dir: dir}).State(); err == nil && (s.Host == nil || s.Host.Revision != "1" || s.Host.Who != "ada") {
			t.Fatalf("byte %d: it reads %+v", at, s)
		}
	}
	must(os.WriteFile(path, whole[:len(whole)/2], 0o600))
	last := web("1")
	again := newRig(dir, hold.Calendar{})
	again.last = &last
	again.Offer(web("3"))
	again.wants(t, "1")
	if s := again.Standing(); s.Waits != "3" || !strings.Contains(s.Why, "pin.json is damaged") {
		t.Errorf("%+v", s)
	}
	if err := again.Pin(hold.Pin{Revision: "3", Site: web("3")}); err == nil {
		t.Error("what can't be read was overwritten")
	}
	_, err = again.Unpin("")
	must(err)
	again.wants(t, "3")
}

// With a lost memory, and a damaged pin, nothing is wanted: unknown is not "no pin".
func TestDamagedPinAndNoMemory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pin.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(dir, hold.Calendar{})
	r.Offer(web("3"))
	r.Resume()
	r.wants(t)
}

func TestFreezeByHand(t *testing.T) {
	dir := t.TempDir()
	r := newRig(dir, hold.Calendar{})
	must := r.must(t)
	r.Offer(web("1"))
	must(r.Freeze(&hold.Freeze{By: ada}))
	r.Offer(web("2"))
	r.wants(t, "1")
	// Over a restart, and without the journal.
	r = newRig(dir, hold.Calendar{})
	r.Offer(web("2"))
	r.wants(t, "1")
	if done, err := r.Accept("3333333"); done || err != nil {
		t.Errorf("another revision was accepted: %v, %v", done, err)
	}
	r.Offer(web("abcdef0123456"))
	if done, err := r.Accept("abcdef0"); !done || err != nil {
		t.Errorf("it is not accepted: %v, %v", done, err)
	}
	r.wants(t, "abcdef0123456")
	r.Offer(web("4"))
	must(r.Freeze(nil))
	r.wants(t, "4")
	if err := r.Freeze(nil); err == nil {
		t.Error("nothing is frozen, and that is no error")
	}
	// What waits for a person's unpin is not the calendar's.
	must(r.Pin(*whole(web("1"))))
	r.Offer(web("5555555"))
	if done, err := r.Accept("5555555"); done || err == nil {
		t.Errorf("accepted though the host is pinned: %v, %v", done, err)
	}
}

// The window opens by itself, on time, and also for a clock that was set.
func TestWindowOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The bubble's clock begins at midnight UTC, 2000-01-01.
		r := newRig(t.TempDir(), hold.Calendar{Windows: []hold.Window{{From: "02:00", Until: "03:00", Zone: "UTC"}}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		r.Offer(web("1"))
		r.Offer(web("2"))
		r.wants(t, "1")
		time.Sleep(2*time.Hour - time.Millisecond)
		synctest.Wait()
		r.wants(t)
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		r.wants(t, "2")
		time.Sleep(2 * time.Hour)
		r.Offer(web("3"))
		r.wants(t)
		// It is 04:00, and then 02:30 of the next day, at once.
		r.mu.Lock()
		r.skew = 22*time.Hour + 30*time.Minute
		r.mu.Unlock()
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		r.wants(t, "3")
		cancel()
		<-done
	})
}
