package reconciler

import (
	"slices"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
)

// goodImages is how many images of a service's good releases a rollback may want: that
// of the last good one, and of the one before.
const goodImages = 2

// proven notes the image of a release that was proven.
func (o *oracle) proven(d apply.Done) {
	a, is := d.Step.Action.(plan.Prove)
	if !is || d.Err != nil {
		return
	}
	o.forget()
	id, all := a.Release.ImageID, o.good[a.Service]
	all = append(slices.DeleteFunc(all, func(other string) bool { return other == id }), id)
	o.good[a.Service] = all[max(0, len(all)-goodImages):]
}

// forget what a journal that was lost has forgotten.
func (o *oracle) forget() {
	if o.losses != o.journal.Losses {
		o.losses, o.good = o.journal.Losses, map[string][]string{}
	}
}

// imageGone: what runs, is wanted, or a rollback may want stays, and so does what others
// brought; and nothing goes amid a rollout.
func (o *oracle) imageGone(d model.Deed) {
	o.forget()
	if d.ByHand {
		o.fail("I3 non-interference", "image %s, which a person brought, is removed", d.Image)
	}
	out := o.havn.Last()
	for _, s := range out.Plan.Services {
		if s.Phase != plan.Converged && s.Phase != plan.RolledBack && s.Phase != plan.Stuck {
			o.fail("images", "%s is removed while %s is %s", d.Image, s.Service, s.Phase)
		}
	}
	for _, c := range out.Have.Containers {
		if c.Release.ImageID == d.Image {
			o.fail("images", "%s is removed, of which %s is made", d.Image, c.Name)
		}
	}
	for name, s := range o.want.Services {
		if i := out.Have.Images[s.Image]; i.ID == d.Image {
			o.fail("images", "%s is removed, which %s wants", d.Image, name)
		}
		if slices.Contains(o.good[name], d.Image) {
			o.fail("images", "%s is removed, to which %s may have to go back", d.Image, name)
		}
	}
}
