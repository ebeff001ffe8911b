package hold

import "havn.internal/spec"

// A Wish is a site to want. Base is the revision it was made from without pinned
// services, Images are what references have to stand for.
type Wish struct {
	Site   spec.Site
	Base   string
	Images map[string]string
	// Pinned are the services in which Site is not as Base says.
	Pinned []Note
}

// References are what the references of the site have to stand for: what they do in the
// revision it was made from, but for what the wish says itself.
func (w Wish) References(base map[string]string) map[string]string {
	out := map[string]string{}
	for _, s := range w.Site.Services {
		for _, images := range []map[string]string{base, w.Images} {
			if id, known := images[s.Image]; known {
				out[s.Image] = id
			}
		}
	}
	return out
}
