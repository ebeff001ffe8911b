package apply

import (
	"context"
	"fmt"

	"havn.internal/reconciler/plan"
)

// Host is everything steps are carried out on.
type Host struct {
	Runtime Runtime
	Gateway Gateway
	Journal Journal
}

// Do carries out one action. The error names the service and the act.
func (h Host) Do(ctx context.Context, s plan.Step) error {
	if err := h.dispatch(ctx, s.Action); err != nil {
		if s.Service == "" {
			return fmt.Errorf("%s: %w", s.Action, err)
		}
		return fmt.Errorf("%s: %s: %w", s.Service, s.Action, err)
	}
	return nil
}

func (h Host) dispatch(ctx context.Context, action plan.Action) error {
	switch a := action.(type) {
	case plan.CreateNetwork:
		return h.Runtime.CreateNetwork(ctx, a)
	case plan.CreateVolume:
		return h.Runtime.CreateVolume(ctx, a)
	case plan.Pull:
		return h.Runtime.Pull(ctx, a)
	case plan.Start:
		return h.Runtime.Start(ctx, a)
	case plan.Stop:
		return h.Runtime.Stop(ctx, a)
	case plan.Remove:
		return h.Runtime.Remove(ctx, a)
	case plan.StartGateway:
		return h.Gateway.StartGateway(ctx)
	case plan.SetRoutes:
		return h.Gateway.SetRoutes(ctx, a.Table)
	case plan.Condemn:
		return h.Journal.Condemn(a)
	case plan.Prove:
		return h.Journal.Prove(a)
	}
	panic(fmt.Sprintf("apply: unknown action %T", action)) // the set is sealed in package plan
}
