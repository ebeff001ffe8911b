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

// Settled says how a run that ends by itself stands: nil if the revision is reached
// ([plan.Plan.Reached]); [ErrUnderWay] if something will still happen; any other error if
// nothing will without a person, or only the same failure again.
func (o Outcome) Settled() error {
	if o.Err != nil {
		return fmt.Errorf("can't observe the host: %w", o.Err)
	}
	if o.Plan.Reached() {
		return nil
	}
	if o.Busy {
		return ErrUnderWay
	}
	stalled := map[string]bool{}
	for _, s := range o.Plan.Services {
		stalled[s.Service] = s.Stalled
	}
	for _, w := range o.Plan.Waits {
		if w.For != plan.ForNeed && !hopeless(w) && !stalled[w.Service] {
			return ErrUnderWay
		}
	}
	var reasons []string
	for _, t := range o.Troubles() {
		reasons = append(reasons, named(t.Service+t.Route, t.Why))
	}
	if len(reasons) == 0 {
		return ErrUnderWay
	}
	return errors.New(strings.Join(reasons, "\n"))
}

func named(who, why string) string {
	if who == "" {
		return why
	}
	return who + ": " + why
}

// A Trouble keeps the host from what the site wants, until somebody acts or what
// failed again and again succeeds.
type Trouble struct {
	// Service or Route is whose it is; neither is the host's.
	Service, Route string
	Why            string
	// Retried: it is tried again and again.
	Retried bool
}

// Troubles are what is in the way, whatever else is still under way.
func (o Outcome) Troubles() []Trouble {
	var out []Trouble
	for _, b := range o.Plan.Blocked {
		out = append(out, Trouble{Service: b.Service, Route: b.Route, Why: b.Why})
	}
	for _, w := range o.Plan.Waits {
		if hopeless(w) {
			out = append(out, Trouble{Service: w.Service, Why: w.Why, Retried: true})
		}
	}
	return out
}

// hopeless: the next try will hardly help.
func hopeless(w plan.Wait) bool { return w.For == plan.ForRetry && w.Tries >= enoughTries }
