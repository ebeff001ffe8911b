package hold

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"havn.internal/spec"
)

// Kind is how a pin came about.
type Kind string

const (
	// Rollback: an earlier revision was gone back to.
	Rollback Kind = "rollback"
	// Hand: a directory of this machine was applied.
	Hand Kind = "hand"
)

// By is the person who asks for something, and why.
type By struct {
	Who string `json:"who"`
	Why string `json:"why,omitempty"`
}

// because is the reason as it is put behind a sentence.
func (b By) because() string {
	if b.Why == "" {
		return ""
	}
	return " (" + b.Why + ")"
}

// A Pin keeps the host, or one service, at a revision until a person takes it off.
// It holds all that is needed to want that: the journal and the source may be lost.
type Pin struct {
	Kind     Kind   `json:"kind"`
	Revision string `json:"revision"`
	// Service is empty if the whole host is pinned.
	Service string `json:"service,omitempty"`
	// Site is what is wanted: of a service, that and the volumes it mounts alone.
	Site spec.Site `json:"site"`
	// Images are what references stood for in that revision, as far as it is known.
	Images map[string]string `json:"images,omitempty"`
	// From is the directory that was applied by hand.
	From string    `json:"from,omitempty"`
	At   time.Time `json:"at"`
	By
}

// String says what is pinned to what, by whom, since when and why.
func (p Pin) String() string {
	subject := ""
	if p.Service != "" {
		subject = "service " + p.Service + " "
	}
	at := p.At.Local().Format(time.DateTime)
	if p.Kind == Hand {
		return fmt.Sprintf("%sapplied by hand from %s by %s at %s%s", subject, p.From, p.Who, at, p.because())
	}
	return fmt.Sprintf("%spinned to %s by %s since %s%s", subject, Short(p.Revision), p.Who, at, p.because())
}

// Short is a revision as people say it.
func Short(revision string) string {
	digits := len(revision) - len(strings.TrimLeft(revision, "0123456789abcdef"))
	if digits < 40 {
		return revision
	}
	return revision[:12] + revision[digits:]
}

// State is all that people asked for at this host and that is to outlive havn.
type State struct {
	// Host pins all of the host, Services single ones; a service's goes before the
	// host's.
	Host     *Pin           `json:"host,omitempty"`
	Services map[string]Pin `json:"services,omitempty"`
	Freeze   *Freeze        `json:"freeze,omitempty"`
}

func (s State) clone() State {
	s.Services = maps.Clone(s.Services)
	return s
}

// Pins are all pins, that of the host first.
func (s State) Pins() []Pin {
	var out []Pin
	if s.Host != nil {
		out = append(out, *s.Host)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Services)) {
		out = append(out, s.Services[name])
	}
	return out
}

// pinWhole pins the host; pins of single services are part of what it replaces.
func (s *State) pinWhole(p Pin) { s.Host, s.Services = &p, nil }

func (s *State) pin(p Pin) {
	if p.Service == "" {
		s.pinWhole(p)
	} else {
		s.pinService(p)
	}
}

func (s *State) pinService(p Pin) {
	if s.Services == nil {
		s.Services = map[string]Pin{}
	}
	s.Services[p.Service] = p
}

// over puts the pinned services into a site. The error is why the outcome can't be
// wanted.
func (s State) over(base spec.Site) (spec.Site, map[string]string, error) {
	if len(s.Services) == 0 {
		return base, nil, nil
	}
	out := spec.Site{Revision: base.Revision, Services: maps.Clone(base.Services), Routes: base.Routes, Volumes: maps.Clone(base.Volumes)}
	if out.Services == nil {
		out.Services = map[string]spec.Service{}
	}
	if out.Volumes == nil {
		out.Volumes = map[string]spec.Volume{}
	}
	images := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(s.Services)) {
		p := s.Services[name]
		out.Services[name] = p.Site.Services[name]
		for volume, v := range p.Site.Volumes {
			if _, there := out.Volumes[volume]; !there {
				out.Volumes[volume] = v
			}
		}
		out.Revision += "+" + name + "@" + Short(p.Revision)
	}
	for name, p := range s.Services {
		for ref, id := range p.Images {
			if err := alone(out, images, name, ref, id); err != nil {
				return spec.Site{}, nil, err
			}
			images[ref] = id
		}
	}
	if err := out.Check(); err != nil {
		return spec.Site{}, nil, fmt.Errorf("with %s, revision %s breaks the rules: %w", s.named(), Short(base.Revision), err)
	}
	return out, images, nil
}

// alone refuses a reference that is to stand for a certain image for one service
// while another uses it too: a tag can't be two images at once.
func alone(site spec.Site, images map[string]string, service, ref, id string) error {
	for other, one := range site.Services {
		if other != service && one.Image == ref && images[ref] != id {
			return fmt.Errorf("service %s uses image %s as service %s does, which is pinned to what that tag meant earlier; roll back the whole host, or give each version a tag of its own", other, ref, service)
		}
	}
	return nil
}

func (s State) named() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.Services)) {
		out = append(out, fmt.Sprintf("service %s pinned to %s", name, Short(s.Services[name].Revision)))
	}
	return strings.Join(out, " and ")
}
