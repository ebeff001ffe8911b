package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// failing is a runtime and a gateway that fail with an error.
type failing struct {
	Runtime
	Gateway
	err error
}

func (f failing) Start(context.Context, plan.Start) error     { return f.err }
func (f failing) Prepare(context.Context, plan.Prepare) error { return f.err }
func (f failing) SetRoutes(context.Context, plan.Table) error { return f.err }

// What Docker and nginx repeat of a spec is not in the error of an act, and it is in words for
// people. Its cause can still be matched.
func TestErrorsAreConcealed(t *testing.T) {
	release := spec.Release{Service: spec.Service{Command: []string{"serve", "--token=hush-1"}, Env: map[string]string{"K": "hush-2"}}}
	target := spec.Target{Options: spec.Options{Headers: spec.Headers{Request: map[string]string{"A": "hush-3"}}}}
	cause := fmt.Errorf("%w: %w: bad --token=hush-1, K=hush-2, hush-3", ErrRelease, context.DeadlineExceeded)
	h := Host{Runtime: failing{err: cause}, Gateway: failing{err: cause}}
	for _, s := range []plan.Step{
		{Service: "web", Action: plan.Start{Name: "web-1", Release: release}},
		{Service: "web", Action: plan.Prepare{Start: plan.Start{Name: "web-1", Release: release}}},
		{Action: plan.SetRoutes{Table: plan.Table{Locations: []plan.Location{{Target: target}}}}},
	} {
		err := h.Do(t.Context(), s)
		own := map[bool]string{true: "hush-3", false: "hush-1"}[s.Service == ""]
		if strings.Contains(err.Error(), own) || s.Service != "" && strings.Contains(err.Error(), "hush-2") || strings.Contains(err.Error(), "context") {
			t.Errorf("the error is %v", err)
		}
		if !errors.Is(err, ErrRelease) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("its cause is lost: %v", err)
		}
	}
}
