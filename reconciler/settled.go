package reconciler

import (
	"errors"
	"fmt"
	"strings"

	"havn.internal/reconciler/plan"
)

// enoughTries is how often an act has failed before a one-off run takes it that
// the next try will not help.
const enoughTries = 3

// ErrUnderWay: the host is still on its way to the wanted site.
var ErrUnderWay = errors.New("under way")

// Settled says how a run that ends by itself stands: nil if the host is as the
// site wants it; [ErrUnderWay] if something will still happen; any other error if
// nothing will without a person, or only the same failure again.
func (o Outcome) Settled() error {
	if o.Err != nil {
		return fmt.Errorf("can't observe the host: %w", o.Err)
	}
	if o.Busy {
		return ErrUnderWay
	}
	var reasons []string
	for _, b := range o.Plan.Blocked {
		reasons = append(reasons, named(b.Service+b.Route, b.Why))
	}
	for _, w := range o.Plan.Waits {
		switch {
		case w.For == plan.ForRetry && w.Tries >= enoughTries:
			reasons = append(reasons, named(w.Service, w.Why))
		case w.For != plan.ForNeed:
			return ErrUnderWay
		}
	}
	if len(reasons) == 0 && len(o.Plan.Waits) > 0 {
		return ErrUnderWay
	}
	if len(reasons) == 0 {
		return nil
	}
	return errors.New(strings.Join(reasons, "\n"))
}

func named(who, why string) string {
	if who == "" {
		return why
	}
	return who + ": " + why
}
