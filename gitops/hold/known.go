package hold

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"havn.internal/spec"
)

// A Known is one revision that is remembered whole.
type Known struct {
	Revision string
	At       time.Time
	// Good: it was reached in full.
	Good            bool
	Subject, Author string
	// From is the directory it was applied from by hand.
	From   string
	Site   spec.Site
	Images map[string]string
}

// Past is what is remembered, oldest first.
type Past []Known

// ErrUnknown: nothing that is remembered is meant.
var ErrUnknown = errors.New("not an earlier accepted revision")

// leastDigits of a revision are enough to name it.
const leastDigits = 7

// Find is the revision that begins with a text, with or without the "sha256:" that
// revisions of directories have in front.
func (p Past) Find(text string) (Known, error) {
	bare := strings.TrimPrefix(text, "sha256:")
	if len(bare) < leastDigits {
		return Known{}, fmt.Errorf("%q is too short for a revision: at least its first %d digits are wanted", text, leastDigits)
	}
	var found []Known
	for _, k := range p {
		if strings.HasPrefix(k.Revision, text) || strings.HasPrefix(k.Revision, "sha256:"+bare) {
			found = append(found, k)
		}
	}
	switch {
	case len(p) == 0:
		return Known{}, fmt.Errorf("%s: %w; none is known yet", text, ErrUnknown)
	case len(found) == 0:
		return Known{}, fmt.Errorf("%s: %w; known are %s", text, ErrUnknown, p)
	case len(found) > 1:
		return Known{}, fmt.Errorf("%s is more than one revision: %s", text, Past(found))
	}
	return found[0], nil
}

// before are the revisions earlier than one.
func (p Past) before(revision string) (Past, error) {
	i := slices.IndexFunc(p, func(k Known) bool { return k.Revision == revision })
	if i < 0 {
		return nil, fmt.Errorf("the wanted revision %s is not among those that are remembered; name one to go back to: %s", Short(revision), p)
	}
	return p[:i], nil
}

// Last is the last revision before one that was reached in full.
func (p Past) Last(revision string) (Known, error) {
	earlier, err := p.before(revision)
	if err != nil {
		return Known{}, err
	}
	for _, k := range slices.Backward(earlier) {
		if k.Good {
			return k, nil
		}
	}
	return Known{}, fmt.Errorf("no revision before %s that was reached in full is remembered; name one to go back to it all the same: %s", Short(revision), p)
}

// LastOther is the last revision before one in which a service is another and has
// not been condemned.
func (p Past) LastOther(revision, service string, now spec.Release, condemned func(spec.Release) bool) (Known, error) {
	earlier, err := p.before(revision)
	if err != nil {
		return Known{}, err
	}
	for _, k := range slices.Backward(earlier) {
		s, there := k.Site.Services[service]
		if !there {
			continue
		}
		then := spec.Release{Service: s, ImageID: k.Images[s.Image]}
		if differs(then, now) && !condemned(then) {
			return k, nil
		}
	}
	return Known{}, fmt.Errorf("no revision before %s is remembered in which service %s is another", Short(revision), service)
}

// differs: an image that is not known is taken to be the same.
func differs(a, b spec.Release) bool {
	if a.ImageID == "" || b.ImageID == "" {
		a.ImageID, b.ImageID = "", ""
	}
	return !reflect.DeepEqual(a.Stored(), b.Stored())
}

// Meant sorts out what a person named to go back to: a service, a revision, or a service
// and a revision. What is empty was not named.
func (p Past) Meant(words []string, now spec.Site) (service, revision string, err error) {
	if len(words) == 0 {
		return "", "", nil
	}
	_, isService := now.Services[words[0]]
	switch isService = isService || p.HasService(words[0]); {
	case len(words) == 1 && isService:
		return words[0], "", nil
	case len(words) == 1:
		return "", words[0], nil
	case !isService:
		return "", "", fmt.Errorf("there is no service %q, and none is remembered", words[0])
	}
	return words[0], words[1], nil
}

// HasService: a service of that name is remembered.
func (p Past) HasService(name string) bool {
	return slices.ContainsFunc(p, func(k Known) bool { _, there := k.Site.Services[name]; return there })
}

// String lists the revisions for people, newest first.
func (p Past) String() string {
	var out []string
	for _, k := range slices.Backward(p) {
		text := Short(k.Revision)
		if k.Good {
			text += " (good)"
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// Whole is a pin of the host to the revision.
func (k Known) Whole(by By, at time.Time) Pin {
	return Pin{Kind: Rollback, Revision: k.Revision, Site: k.Site, Images: k.Images, At: at, By: by}
}

// Only is a pin of one service to the revision. The images are what references stand
// for now: one that another service uses too and that means the same is left to be
// looked up with each revision.
func (k Known) Only(service string, beside spec.Site, images map[string]string, by By, at time.Time) (Pin, error) {
	s, there := k.Site.Services[service]
	if !there {
		return Pin{}, fmt.Errorf("revision %s has no service %s", Short(k.Revision), service)
	}
	p := Pin{Kind: Rollback, Revision: k.Revision, Service: service, At: at, By: by,
		Site: spec.Site{Revision: k.Revision, Services: map[string]spec.Service{service: s}, Volumes: map[string]spec.Volume{}}}
	for _, m := range s.Volumes {
		if v, ok := k.Site.Volumes[m.Volume]; ok {
			p.Site.Volumes[m.Volume] = v
		}
	}
	id := k.Images[s.Image]
	shared := false
	for name, other := range beside.Services {
		shared = shared || name != service && other.Image == s.Image
	}
	if id != "" && (!shared || images[s.Image] != id) {
		p.Images = map[string]string{s.Image: id}
	}
	return p, nil
}
