package apply

import (
	"context"
	"fmt"
	"strings"

	"havn.internal/reconciler/plan"
)

// Host is everything steps are carried out on.
type Host struct {
	Runtime Runtime
	Gateway Gateway
	Journal Journal
}

// Do carries out one action. The error names the service and the act. What Docker and
// nginx say in it is without the values of the act that may be secret: errors are logged,
// kept in the journal and told to others.
func (h Host) Do(ctx context.Context, s plan.Step) error {
	if err := h.dispatch(ctx, s.Action); err != nil {
		err = conceal(s.Action, err)
		if s.Service == "" {
			return fmt.Errorf("%s: %w", s.Action, err)
		}
		return fmt.Errorf("%s: %s: %w", s.Service, s.Action, err)
	}
	return nil
}

// A concealed error has a text of its own.
type concealed struct {
	error
	text string
}

func (c *concealed) Error() string { return c.text }
func (c *concealed) Unwrap() error { return c.error }

// Plain is the error in words for people: Go says of a deadline that a context exceeded it.
func Plain(err error) error {
	text := strings.ReplaceAll(err.Error(), context.DeadlineExceeded.Error(), "no answer in time")
	if text == err.Error() {
		return err
	}
	return &concealed{err, text}
}

func conceal(action plan.Action, err error) error {
	text := Plain(err).Error()
	switch a := action.(type) {
	case plan.Start:
		text = a.Release.Conceal(text)
	case plan.Prepare:
		text = a.Start.Release.Conceal(text)
	case plan.SetRoutes:
		for _, l := range a.Table.Locations {
			text = l.Target.Conceal(text)
		}
	}
	if text == err.Error() {
		return err
	}
	return &concealed{err, text}
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
	case plan.Prepare:
		return h.Runtime.Prepare(ctx, a)
	case plan.Stop:
		return h.Runtime.Stop(ctx, a)
	case plan.Remove:
		return h.Runtime.Remove(ctx, a)
	case plan.RemoveImage:
		return h.Runtime.RemoveImage(ctx, a)
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
