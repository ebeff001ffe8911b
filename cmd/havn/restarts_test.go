package main

import (
	"fmt"
	"slices"
	"testing"

	"havn.internal/reconciler"
	"havn.internal/reconciler/plan"
)

// What is tried again waits for nobody.
func TestOutlook(t *testing.T) {
	retried := plan.Wait{For: plan.ForRetry, Tries: 5, Why: "no"}
	for want, p := range map[string]plan.Plan{
		"what failed is tried again":              {Waits: []plan.Wait{retried}},
		"it waits for a person or a new revision": {Waits: []plan.Wait{retried}, Blocked: []plan.Blocked{{Why: "no"}}},
	} {
		if got := outlook(reconciler.Outcome{Plan: p}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A crash loop is in history, and does not fill it.
func TestRestartsAreRecorded(t *testing.T) {
	var r restarts
	var got []string
	pass := func(counts ...int) {
		o := reconciler.Outcome{Have: plan.Observed{Containers: map[string]plan.Container{}}}
		for i, n := range counts {
			name := fmt.Sprintf("web-%d", i+1)
			o.Have.Containers[name] = plan.Container{ID: name, Name: name, Service: "web", Restarts: n, ExitCode: 3}
		}
		r.pass(o, func(service, act, why string) { got = append(got, service+": "+act+": "+why) })
	}
	// The first replica had restarted before havn began, the second comes later.
	pass(5)
	pass(5, 0)
	for n := 1; n <= 100; n++ {
		pass(5, n)
	}
	r.pass(reconciler.Outcome{Err: fmt.Errorf("away")}, nil)
	pass(10, 100)
	var want []string
	for _, n := range []int{1, 2, 4, 8, 16, 32, 64} {
		count := fmt.Sprintf("%d restarts", n)
		if n == 1 {
			count = "1 restart"
		}
		want = append(want, "web: Docker restarted web-2: it exited with code 3; "+count+" so far")
	}
	want = append(want, "web: Docker restarted web-1: it exited with code 3; 10 restarts so far")
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
