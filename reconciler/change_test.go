package reconciler

import (
	"maps"
	"slices"
	"time"

	"havn.internal/spec"
)

// changes are what a commit may do to the site.
var changes = map[string]func(c *chaos){
	"service": func(c *chaos) { c.change() },
	"image": func(c *chaos) {
		c.alter(func(s *spec.Service) { s.Image = c.image() })
	},
	"replicas": func(c *chaos) {
		c.alter(func(s *spec.Service) {
			s.Replicas = c.number("replicas", 0, 3)
			if s.Rollout.Forced != "" {
				s.Replicas = min(1, s.Replicas)
			}
			if s.Rollout.Strategy == spec.BlueGreen {
				s.Rollout.Surge = s.Replicas
			}
		})
	},
	"env": func(c *chaos) {
		c.alter(func(s *spec.Service) { s.Env = map[string]string{"X": c.one("env", "1", "2")} })
	},
	"remove": func(c *chaos) { delete(c.site.Services, c.name()) },
	"route": func(c *chaos) {
		host, path := c.one("host", hosts...), c.one("path", paths...)
		t := spec.Target{Service: c.name()}
		t.Options.Body.Max = int64(c.number("body", 0, 1))
		c.site.Routes[host+path] = spec.Route{Name: host + path, Hosts: []string{host}, Paths: map[string]spec.Target{path: t}}
	},
	"unroute": func(c *chaos) { delete(c.site.Routes, c.one("host", hosts...)+c.one("path", paths...)) },
}

// hosts and paths of routes: what nobody names goes to those above.
var hosts, paths = []string{"h1.test", "h2.test", "h3.test", "_"}, []string{"/", "/", "/p"}

var changeNames = slices.Sorted(maps.Keys(changes))

func (c *chaos) name() string { return c.one("service", "a", "b", "c") }

func (c *chaos) image() string {
	return c.one("image", "good:1", "good:2", "good:3", "good:1", "good:2", "slow:1", "never:1", "loops:1", "dies:1", "sick:1", "cant:1", "absent:1")
}

// alter changes a service that is there, or makes one.
func (c *chaos) alter(f func(*spec.Service)) {
	name := c.name()
	s, ok := c.site.Services[name]
	if !ok {
		s = c.draw(name)
	}
	f(&s)
	c.site.Services[name] = s
}

func (c *chaos) change() {
	name := c.name()
	c.site.Services[name] = c.draw(name)
}

func (c *chaos) draw(name string) spec.Service {
	s := service(name, c.image(), c.number("replicas", 1, 3))
	r := &s.Rollout
	r.Surge = c.number("surge", 1, 2)
	r.Watch = spec.Duration(c.duration("watch", 0, 10*second))
	r.Drain = spec.Duration(c.duration("drain", 5*second, time.Minute))
	r.HealthyDeadline = spec.Duration(20 * second)
	r.OnFailure = spec.OnFailure(c.one("on failure", "rollback", "rollback", "rollback", "hold"))
	s.Pull = spec.PullPolicy(c.one("pull", "missing", "missing", "always"))
	switch c.one("strategy", "rolling", "rolling", "bluegreen", "recreate", "volume") {
	case "bluegreen":
		r.Strategy, r.Surge = spec.BlueGreen, max(s.Replicas, r.Surge)
	case "recreate":
		r.Strategy, r.Surge = spec.Recreate, 0
	case "volume":
		s.Replicas = 1
		s.Volumes = map[string]spec.VolumeMount{"/data": {Volume: name}}
		c.site.Volumes[name] = spec.Volume{Name: name}
		r.Strategy, r.Surge, r.Forced = spec.Recreate, 0, "volume "+name+" has one writer"
	}
	if name > "a" && c.number("needs", 0, 3) == 0 {
		s.Needs = []string{"a"}
	}
	return s
}
