package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"havn.internal/gitops"
)

// A revision that can't be evaluated is tried again, and holds up none that comes after
// it: neither the source that has it, nor its evaluation.
func TestWhatCantBeEvaluatedHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		in := newInbox()
		var tried []string
		ended := make(chan error, 1)
		go func() {
			ended <- in.run(ctx, func(r gitops.Revision) bool {
				tried = append(tried, r.ID)
				return r.ID != "poison"
			})
		}()
		in.put(gitops.Revision{ID: "poison"})
		synctest.Wait()
		time.Sleep(lastEvaluateAgain)
		synctest.Wait()
		if len(tried) < 3 {
			t.Errorf("tried %d times in %s", len(tried), lastEvaluateAgain)
		}
		in.put(gitops.Revision{ID: "cure"})
		synctest.Wait()
		if last := tried[len(tried)-1]; last != "cure" {
			t.Errorf("the last that was tried is %s", last)
		}
		before := len(tried)
		time.Sleep(10 * lastEvaluateAgain)
		synctest.Wait()
		if len(tried) != before {
			t.Errorf("what was done was tried again: %s", tried[before:])
		}
		cancel()
		if err := <-ended; err == nil {
			t.Error("it ended without the context's error")
		}
	})
}

// Of revisions that come while one is evaluated only the newest is: what it says of the
// one before it holds for the one that was evaluated.
func TestOnlyTheNewestRevisionIsEvaluated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInbox()
		free, entered := make(chan bool), make(chan gitops.Revision)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- in.run(ctx, func(r gitops.Revision) bool {
				entered <- r
				return <-free
			})
		}()
		next := func() gitops.Revision { return <-entered }
		in.put(gitops.Revision{ID: "1"})
		if r := next(); r.ID != "1" {
			t.Fatalf("evaluates %s", r.ID)
		}
		in.put(gitops.Revision{ID: "2", Same: "1"})
		in.put(gitops.Revision{ID: "3", Same: "2"})
		free <- true
		if r := next(); r.ID != "3" || r.Same != "1" {
			t.Errorf("after 1 it evaluates %s, the same as %q", r.ID, r.Same)
		}
		in.put(gitops.Revision{ID: "4", Same: "3"})
		free <- false // 3 could not be evaluated
		if r := next(); r.ID != "4" || r.Same != "1" {
			t.Errorf("after 3 it evaluates %s, the same as %q", r.ID, r.Same)
		}
		free <- true
		cancel()
		<-ended
	})
}
