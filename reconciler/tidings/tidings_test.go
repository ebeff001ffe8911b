package tidings_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"havn.internal/reconciler"
	"havn.internal/reconciler/plan"
	"havn.internal/reconciler/tidings"
)

var (
	epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	one   = tidings.RevisionOf(strings.Repeat("1", 40), "one")
	two   = tidings.RevisionOf(strings.Repeat("2", 40), "two")
	three = tidings.RevisionOf(strings.Repeat("3", 40), "three")
	plain = tidings.RevisionOf("sha256:11111111", "")
)

// A story tells facts, and holds what was told of them.
type story struct {
	*tidings.Teller
	t   *testing.T
	now time.Time
}

func begin(t *testing.T, o tidings.Options) *story {
	o.Context = "havn/test"
	return &story{tidings.New(o), t, epoch}
}

// told fails unless the news is these lines: statuses first.
func (s *story) told(n tidings.News, want ...string) {
	s.t.Helper()
	var got []string
	for _, st := range n.Statuses {
		if st.Context != "havn/test" {
			s.t.Errorf("the context is %q", st.Context)
		}
		got = append(got, strings.TrimSuffix(fmt.Sprintf("%.1s %s %s %s", st.Commit, st.State, st.Service, st.Reason), " "))
	}
	for _, e := range n.Events {
		if !e.At.Equal(s.now) {
			s.t.Errorf("%s at %s, want %s", e.Kind, e.At, s.now)
		}
		over := ""
		if e.Over {
			over = " over(" + string(e.Ends) + ")"
		}
		got = append(got, fmt.Sprintf("%s%s %s: %s", e.Kind, over, e.Severity, e.Title))
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		s.t.Errorf("told\n%s\nwant\n%s", g, w)
	}
}

func (s *story) accepted(r tidings.Revision, want ...string) {
	s.t.Helper()
	s.told(s.Accepted(r, s.now), want...)
}

func (s *story) passed(r tidings.Revision, o reconciler.Outcome, want ...string) {
	s.t.Helper()
	o.At, o.Revision = s.now, r.ID
	s.told(s.Passed(o), want...)
}

func (s *story) after(d time.Duration) { s.now = s.now.Add(d) }

// standing is an outcome with one service, web.
func standing(p plan.Phase, ready int, blocked ...plan.Blocked) reconciler.Outcome {
	o := reconciler.Outcome{Plan: plan.Plan{Blocked: blocked, Services: []plan.Standing{{Service: "web", Phase: p, Wanted: 1, Ready: ready}}}}
	o.Have.Gateway.Table.Locations = []plan.Location{{Route: "web", Host: "_", Path: "/"}, {Route: plan.OwnRoute("hook"), Host: "_", Path: "/h"}}
	o.Busy = p == plan.RollingOut
	if p != plan.Converged || len(blocked) > 0 {
		o.Plan.Unmet = []plan.Unmet{{Service: "web", Why: "it is " + string(p)}}
	}
	return o
}

var (
	rolling   = standing(plan.RollingOut, 1)
	converged = standing(plan.Converged, 1)
	crash     = plan.Blocked{Service: "web", Why: "web-1 exited with code 1 5 times"}
	back      = standing(plan.RolledBack, 1, crash)
)

func TestARollout(t *testing.T) {
	s := begin(t, tidings.Options{})
	s.accepted(one, "1 pending  is being rolled out", "revision.accepted info: revision 111111111111 is being rolled out")
	s.passed(one, rolling)
	s.passed(one, converged, "1 success  1 service and 1 route are as it says", "revision.reached info: revision 111111111111 is reached")
	s.passed(one, converged)
	s.passed(one, standing(plan.Healing, 0))
	s.passed(one, converged)
	s.accepted(one)
	s.accepted(two, "2 pending  is being rolled out", "revision.accepted info: revision 222222222222 is being rolled out")
	// A pass of before the new revision says nothing of it.
	s.passed(one, converged)
	s.passed(two, rolling)
}

// A directory has no forge.
func TestADirectory(t *testing.T) {
	s := begin(t, tidings.Options{})
	s.accepted(plain, "revision.accepted info: revision sha256:11111 is being rolled out")
	s.passed(plain, back, "rollout.failed error: web: the new release failed, and was rolled back")
	s.told(s.Invalid(plain, "site.cue:1", s.now), "revision.invalid error: revision sha256:11111 is invalid; what runs keeps running")
}

func TestARolloutThatFails(t *testing.T) {
	s := begin(t, tidings.Options{Good: one.ID, Known: one.ID})
	s.accepted(two, "2 pending  is being rolled out", "revision.accepted info: revision 222222222222 is being rolled out")
	failed := "2 failure web web-1 exited with code 1 5 times"
	// While others are under way it is already told.
	busy := back
	busy.Busy = true
	s.passed(two, busy, failed, "rollout.failed error: web: the new release failed, and was rolled back")
	s.passed(two, back)
	// Somebody has it tried again: that is no end of it.
	s.passed(two, rolling)
	s.passed(two, back)
	// The next commit fails in the same way, and that is news.
	s.accepted(three, "3 pending  is being rolled out", "revision.accepted info: revision 333333333333 is being rolled out")
	s.passed(three, back, "3 failure web web-1 exited with code 1 5 times", "rollout.failed error: web: the new release failed, and was rolled back")
	s.accepted(one)
	s.passed(one, converged, "1 success  1 service and 1 route are as it says", "rollout.failed over(error) info: web is well again")
}

func TestTheFirstReleaseFails(t *testing.T) {
	s := begin(t, tidings.Options{})
	o := standing(plan.Stuck, 0, crash)
	o.Have.Verdicts = map[plan.VerdictKey]plan.Verdict{{Service: "web", Fingerprint: "f"}: {Reason: crash.Why}}
	s.passed(one, o, "rollout.failed error: web: the new release failed")
}

// No commit is pending for ever.
func TestOvertaken(t *testing.T) {
	s := begin(t, tidings.Options{})
	s.accepted(one, "1 pending  is being rolled out", "revision.accepted info: revision 111111111111 is being rolled out")
	s.told(s.Invalid(three, "site.cue:3:1: no", s.now), "3 failure  invalid: site.cue:3:1: no", "revision.invalid error: revision 333333333333 is invalid; what runs keeps running")
	s.told(s.Invalid(three, "site.cue:3:1: no", s.now))
	s.passed(one, rolling)
	s.accepted(two, "1 overtaken  overtaken by 222222222222", "2 pending  is being rolled out", "revision.accepted info: revision 222222222222 is being rolled out")
	s.passed(two, converged, "2 success  1 service and 1 route are as it says", "revision.reached info: revision 222222222222 is reached")
	s.accepted(three, "3 pending  is being rolled out", "revision.accepted info: revision 333333333333 is being rolled out")
}

// While a person holds the host at a revision, newer ones wait, and the newest of them
// alone.
func TestWaits(t *testing.T) {
	s := begin(t, tidings.Options{Good: one.ID, Known: one.ID})
	s.accepted(one)
	s.passed(one, converged, "1 success  1 service and 1 route are as it says")
	s.told(s.Waits(two, "pinned to 1", s.now), "2 pending  waits: pinned to 1", "revision.waiting info: revision 222222222222 waits")
	s.told(s.Waits(two, "pinned to 1", s.now))
	s.accepted(one) // is handed on again
	s.told(s.Waits(three, "pinned to 1", s.now), "2 overtaken  overtaken by 333333333333", "3 pending  waits: pinned to 1", "revision.waiting info: revision 333333333333 waits")
	s.accepted(three, "3 pending  is being rolled out", "revision.accepted info: revision 333333333333 is being rolled out")
}

// What is so is told to the forge anew after a restart, and is no news for people.
func TestARestart(t *testing.T) {
	s := begin(t, tidings.Options{Good: one.ID, Known: one.ID})
	s.accepted(one)
	s.passed(one, rolling)
	s.passed(one, converged, "1 success  1 service and 1 route are as it says")
	s = begin(t, tidings.Options{Good: one.ID, Known: two.ID})
	s.accepted(two, "2 pending  is being rolled out")
	s.passed(two, converged, "2 success  1 service and 1 route are as it says", "revision.reached info: revision 222222222222 is reached")
}

func TestHeld(t *testing.T) {
	s := begin(t, tidings.Options{Good: one.ID, Known: one.ID})
	held := func(want ...string) {
		t.Helper()
		s.told(s.Held(two.ID, "it is not signed", "sign it", s.now), want...)
	}
	held("2 failure  held: it is not signed", "revision.held warning: revision 222222222222 is held; what runs keeps running")
	held()
	s.accepted(three, "3 pending  is being rolled out", "revision.accepted info: revision 333333333333 is being rolled out")
	held("2 failure  held: it is not signed", "revision.held warning: revision 222222222222 is held; what runs keeps running")
	s.accepted(two, "3 overtaken  overtaken by 222222222222", "2 pending  is being rolled out", "revision.accepted info: revision 222222222222 is being rolled out")
	s.told(s.Held("", "there is no branch main", "push it", s.now), "revision.held warning: the source has nothing to follow; what runs keeps running")
}

func TestUnread(t *testing.T) {
	s := begin(t, tidings.Options{})
	s.told(s.Unread(one, "no memory", s.now), "1 pending  can't be evaluated yet: no memory", "revision.unread warning: revision 111111111111 can't be evaluated yet; what runs keeps running")
	s.told(s.Unread(one, "no memory", s.now))
	s.accepted(one, "1 pending  is being rolled out", "revision.accepted info: revision 111111111111 is being rolled out")
}

// A source that is away for a moment is no news.
func TestTheSourceIsAway(t *testing.T) {
	s := begin(t, tidings.Options{})
	away := errors.New("no route to host")
	s.told(s.Source(away, s.now))
	s.after(14 * time.Minute)
	s.told(s.Tick(s.now))
	s.told(s.Source(nil, s.now))
	s.told(s.Source(away, s.now))
	s.after(14 * time.Minute)
	s.told(s.Source(errors.New("connection refused"), s.now))
	s.after(time.Minute)
	s.told(s.Tick(s.now), "source.unreachable warning: the source can't be asked; what runs keeps running")
	s.after(time.Hour)
	s.told(s.Tick(s.now))
	s.told(s.Source(nil, s.now), "source.unreachable over(warning) info: the source answers again")
	s.told(s.Tick(s.now))
}

func TestTheHostIsNotSeen(t *testing.T) {
	s := begin(t, tidings.Options{Good: one.ID, Known: one.ID})
	s.accepted(one)
	s.passed(one, converged, "1 success  1 service and 1 route are as it says")
	blind := converged
	blind.Err = errors.New("no engine")
	s.passed(one, blind)
	s.after(2 * time.Minute)
	s.passed(one, blind, "host.unseen error: the host can't be observed; what runs keeps running")
	s.passed(one, blind)
	s.passed(one, converged, "host.unseen over(error) info: the host is seen again")
}

func TestTroublesComeAndGo(t *testing.T) {
	s := begin(t, tidings.Options{Good: one.ID, Known: one.ID})
	s.accepted(one)
	s.passed(one, standing(plan.Stuck, 1, plan.Blocked{Service: "web", Why: "the name is taken"}),
		"1 failure web the name is taken", "service.blocked error: web can't go on")
	s.passed(one, standing(plan.Converged, 1, plan.Blocked{Route: "api", Why: "no"}),
		"1 failure route api no", "route.blocked warning: route api is not as the spec says", "service.blocked over(error) info: web is well again")
	s.passed(one, standing(plan.Converged, 1, plan.Blocked{Why: "port 80 is taken"}, plan.Blocked{Why: "a volume is not ours"}),
		"1 failure  port 80 is taken (and 1 more)", "host.blocked error: the host keeps the site from what it should be", "route.blocked over(warning) info: route api is well again")
	again := standing(plan.Waiting, 1)
	again.Plan.Waits = []plan.Wait{{Service: "web", For: plan.ForRetry, Tries: 3, Why: "pull: 503 of a proxy (failed 3 times)"}}
	s.passed(one, again, "1 failure web pull failed 3 times; `havn status` on the host says more", "service.failing warning: web can't go on, and is tried again", "host.blocked over(error) info: the host is well again")
	s.passed(one, converged, "1 success  1 service and 1 route are as it says", "service.failing over(warning) info: web is well again")
}

// A release that was good and is down is healed, and told of if that takes long.
func TestDown(t *testing.T) {
	s := begin(t, tidings.Options{Good: one.ID, Known: one.ID})
	s.accepted(one)
	s.passed(one, converged, "1 success  1 service and 1 route are as it says")
	down := standing(plan.Healing, 0)
	down.Busy = true
	s.passed(one, down)
	s.after(30 * time.Second)
	s.passed(one, down)
	s.after(time.Minute)
	s.passed(one, down, "service.down error: web is down: none of its replicas is ready")
	s.after(time.Minute)
	s.passed(one, down)
	s.passed(one, standing(plan.Healing, 1))
	s.passed(one, converged, "service.down over(error) info: web is well again")
	// A service that leaves the site has no troubles.
	s.passed(one, down)
	s.after(2 * time.Minute)
	s.passed(one, down, "service.down error: web is down: none of its replicas is ready")
	gone := converged
	gone.Plan.Services = nil
	s.passed(one, gone, "1 success  0 services and 1 route are as it says", "service.down over(error) info: web is well again")
	// If it comes back, its time begins anew.
	s.after(time.Hour)
	s.passed(one, down)
	s.after(time.Minute)
	s.passed(one, down, "service.down error: web is down: none of its replicas is ready")
}

// A service that a person has stay somewhere else is said beside what the commit came
// to.
func TestAServiceStays(t *testing.T) {
	s := begin(t, tidings.Options{Good: one.ID, Known: one.ID})
	s.accepted(one)
	s.passed(one, converged, "1 success  1 service and 1 route are as it says")
	stays := tidings.RevisionOf(one.ID+"+web@2222222+api@3333333", "one")
	s.accepted(stays, "1 pending  is being rolled out; web stays at 2222222, api stays at 3333333", "revision.accepted info: revision 111111111111 is being rolled out")
	s.passed(stays, converged, "1 success  1 service and 1 route are as it says; web stays at 2222222, api stays at 3333333", "revision.reached info: revision 111111111111 is reached")
	// What is applied by hand is no commit, and what was on its way is not any more.
	s.accepted(two, "2 pending  is being rolled out", "revision.accepted info: revision 222222222222 is being rolled out")
	s.accepted(plain, "2 overtaken  overtaken by sha256:11111", "revision.accepted info: revision sha256:11111 is being rolled out")
	s.told(s.Waits(two, "applied by hand", s.now), "2 pending  waits: applied by hand", "revision.waiting info: revision 222222222222 waits")
	s.passed(plain, converged, "revision.reached info: revision sha256:11111 is reached")
}
