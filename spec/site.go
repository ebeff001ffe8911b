package spec

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// A Site is everything one spec directory describes. The maps are keyed by the
// names the user gave; the values repeat their name.
type Site struct {
	// Revision identifies the state of the source the Site was made from: a git
	// commit, or a content hash of a plain directory.
	Revision string             `json:"revision,omitempty"`
	Services map[string]Service `json:"services"`
	Routes   map[string]Route   `json:"routes"`
	Volumes  map[string]Volume  `json:"volumes"`
}

// ServiceNames returns the names of all services, sorted.
func (s Site) ServiceNames() []string { return slices.Sorted(maps.Keys(s.Services)) }

// RouteNames returns the names of all routes, sorted.
func (s Site) RouteNames() []string { return slices.Sorted(maps.Keys(s.Routes)) }

// VolumeNames returns the names of all volumes, sorted.
func (s Site) VolumeNames() []string { return slices.Sorted(maps.Keys(s.Volumes)) }

// Size is how much the site describes, for people: "1 service and 2 routes".
func (s Site) Size() string {
	return Count(len(s.Services), "service") + " and " + Count(len(s.Routes), "route")
}

// Count writes a number of things: "1 service", "2 services".
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// A Volume is a named Docker volume. havn creates it and never removes or
// recreates it (invariant I7).
type Volume struct {
	Name string `json:"name"`
	// Labels are the user's own labels on the volume.
	Labels map[string]string `json:"labels,omitempty"`
}

// Duration is a time.Duration written in JSON as Go writes it ("1m30s").
type Duration time.Duration

// Std returns d as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String formats d as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}
