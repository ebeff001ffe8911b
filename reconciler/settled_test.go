package reconciler_test

import (
	"errors"
	"testing"

	"havn.internal/reconciler"
	"havn.internal/reconciler/plan"
)

func TestSettled(t *testing.T) {
	const underWay, done, failed = "under way", "done", "failed"
	blocked := plan.Blocked{Service: "web", Why: "condemned"}
	for name, c := range map[string]struct {
		o    reconciler.Outcome
		want string
	}{
		"nothing left":                        {reconciler.Outcome{}, done},
		"unmet, and nothing said of it":       {waiting(), underWay},
		"acts in flight":                      {reconciler.Outcome{Busy: true, Plan: plan.Plan{Unmet: unmet}}, underWay},
		"acts in flight beside a block":       {reconciler.Outcome{Busy: true, Plan: plan.Plan{Unmet: unmet, Blocked: []plan.Blocked{blocked}}}, underWay},
		"blind":                               {reconciler.Outcome{Err: errors.New("no engine"), Busy: true}, failed},
		"blocked":                             {reconciler.Outcome{Plan: plan.Plan{Unmet: unmet, Blocked: []plan.Blocked{blocked}}}, failed},
		"a watch window":                      {waiting(plan.Wait{For: plan.ForWatch}), underWay},
		"a first retry":                       {waiting(plan.Wait{For: plan.ForRetry, Tries: 1}), underWay},
		"a retry that has failed often":       {waiting(plan.Wait{For: plan.ForRetry, Tries: 3}), failed},
		"a need alone":                        {waiting(plan.Wait{For: plan.ForNeed}), underWay},
		"a need of what is blocked":           {blockedAnd(plan.Wait{For: plan.ForNeed}), failed},
		"a watch window beside a block":       {blockedAnd(plan.Wait{For: plan.ForWatch}), underWay},
		"a hopeless retry and a drain":        {waiting(plan.Wait{For: plan.ForRetry, Tries: 9}, plan.Wait{For: plan.ForDrain}), underWay},
		"a hopeless retry and who needs it":   {waiting(plan.Wait{For: plan.ForRetry, Tries: 9}, plan.Wait{For: plan.ForNeed}), failed},
		"a deadline of a replica to be ready": {waiting(plan.Wait{For: plan.ForReady}), underWay},
	} {
		got := failed
		switch err := c.o.Settled(); {
		case err == nil:
			got = done
		case errors.Is(err, reconciler.ErrUnderWay):
			got = underWay
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

var unmet = []plan.Unmet{{Service: "web", Why: "0 of 1 replicas are ready"}}

func waiting(ws ...plan.Wait) reconciler.Outcome {
	return reconciler.Outcome{Plan: plan.Plan{Unmet: unmet, Waits: ws}}
}

func blockedAnd(w plan.Wait) reconciler.Outcome {
	o := waiting(w)
	o.Plan.Blocked = []plan.Blocked{{Service: "redis", Why: "condemned"}}
	return o
}
