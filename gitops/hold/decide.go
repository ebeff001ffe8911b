package hold

import (
	"fmt"
	"time"

	"havn.internal/spec"
)

// Input is all that a decision depends on.
type Input struct {
	// Newest is the newest valid site of the source; nil if it has none yet.
	Newest *spec.Site
	// Passed is the site of the source that was let pass last.
	Passed *spec.Site
	State
	Calendar Calendar
	// Consent is the revision that a person lets pass though the calendar is closed.
	Consent string
	Now     time.Time
}

// A Decision is which site is wanted, and what waits.
type Decision struct {
	// Site is wanted; nil if none is known.
	Site *spec.Site
	// Base is the revision that Site was made from, without pinned services.
	Base string
	// Images are what references have to stand for.
	Images map[string]string
	// Passes: the newest site of the source is let pass by this.
	Passes bool
	// Waits is the revision of the source that is not wanted yet, because of Why.
	Waits, Why string
	// Frozen: Waits waits for the calendar alone, until Again if that is not zero.
	Frozen bool
	Again  time.Time
	// Broken is why pinned services and the rest can't be wanted together.
	Broken error
}

// Decide decides which site is wanted.
func Decide(in Input) Decision {
	var d Decision
	base := in.Passed
	shut, isShut := closed(in.Calendar, in.Freeze, in.Now)
	switch n := in.Newest; {
	case in.Host != nil:
		base, d.Images = &in.Host.Site, in.Host.Images
		if n != nil && n.Revision != in.Host.Revision {
			d.Waits, d.Why = n.Revision, in.Host.String()
		}
	case n == nil:
	case base != nil && base.Revision == n.Revision:
		base = n
	case base != nil && isShut && in.Consent != n.Revision:
		d.Waits, d.Frozen, d.Again = n.Revision, true, shut.until
		d.Why = fmt.Sprintf("%s; `havn accept %s` lets it pass", shut, Short(n.Revision))
	default:
		base, d.Passes = n, true
	}
	d.settle(in, base)
	return d
}

// settle makes a base the wanted site. If the pinned services don't go with a new
// one, the one before stays.
func (d *Decision) settle(in Input, base *spec.Site) {
	if base == nil {
		return
	}
	site, images, err := in.over(*base)
	if err != nil && d.Passes {
		d.Passes, d.Waits, d.Why, d.Broken = false, base.Revision, err.Error(), err
		if base = in.Passed; base == nil {
			return
		}
		site, images, err = in.over(*base)
	}
	if err != nil {
		d.Broken = err
		return
	}
	d.Site, d.Base = &site, base.Revision
	if len(images) > 0 {
		all := map[string]string{}
		for _, m := range []map[string]string{d.Images, images} {
			for ref, id := range m {
				all[ref] = id
			}
		}
		d.Images = all
	}
}
