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
	"needs": func(c *chaos) {
		c.alter(func(s *spec.Service) {
			if s.Name > "a" {
				s.Needs = []string{"a"}
			}
		})
	},
	"claim": func(c *chaos) { c.alter(c.claim) },
	"rename": func(c *chaos) {
		from, to := c.name(), c.name()
		if s, there := c.site.Services[from]; there && from != to {
			delete(c.site.Services, from)
			s.Name, s.Needs = to, nil
			c.site.Services[to] = s
		}
	},
	"swap": func(c *chaos) {
		x, thereX := c.site.Services["a"]
		y, thereY := c.site.Services["b"]
		if thereX && thereY {
			x.Volumes, y.Volumes, x.Ports, y.Ports = y.Volumes, x.Volumes, y.Ports, x.Ports
			c.site.Services["a"], c.site.Services["b"] = exclusive(x), exclusive(y)
		}
	},
	"unroute": func(c *chaos) { delete(c.site.Routes, c.one("host", hosts...)+c.one("path", paths...)) },
}

// claim has a service hold what one replica alone may.
func (c *chaos) claim(s *spec.Service) {
	s.Volumes, s.Ports = nil, nil
	switch what := c.one("claim", "v", "w", "both", "port", "all ports", "shared"); what {
	case "v", "w":
		s.Volumes = map[string]spec.VolumeMount{"/data": {Volume: what}}
	case "both":
		s.Volumes = map[string]spec.VolumeMount{"/data": {Volume: "v"}, "/more": {Volume: "w"}}
	case "shared":
		s.Volumes = map[string]spec.VolumeMount{"/data": {Volume: "v", Shared: true}}
	case "port":
		s.Ports = map[string]spec.Port{"p": {Port: 53, Protocol: "tcp", Host: "127.0.0.1:53"}}
	case "all ports":
		s.Ports = map[string]spec.Port{"p": {Port: 53, Protocol: "tcp", Host: "0.0.0.0:53"}}
	}
	for _, m := range s.Volumes {
		c.site.Volumes[m.Volume] = spec.Volume{Name: m.Volume}
	}
	*s = exclusive(*s)
}

// exclusive gives a service the strategy that its claims leave it.
func exclusive(s spec.Service) spec.Service {
	alone := slices.ContainsFunc(s.Claims(), func(c spec.Claim) bool { return !c.Shared })
	switch {
	case alone:
		s.Replicas = min(1, s.Replicas)
		s.Rollout.Strategy, s.Rollout.Surge, s.Rollout.Forced = spec.Recreate, 0, s.Claims()[0].String()+" has one holder"
	case s.Rollout.Forced != "":
		s.Rollout.Strategy, s.Rollout.Surge, s.Rollout.Forced = spec.Rolling, 1, ""
	}
	return s
}

// hosts and paths of routes: what nobody names goes to those above.
var hosts, paths = []string{"h1.test", "h2.test", "h3.test", "_"}, []string{"/", "/", "/p"}

var changeNames = slices.Sorted(maps.Keys(changes))

func (c *chaos) name() string { return c.one("service", "a", "b", "c") }

func (c *chaos) image() string {
	return c.one("image", "good:1", "good:2", "good:3", "good:1", "good:2", "slow:1", "never:1", "loops:1", "dies:1", "sick:1", "cant:1", "absent:1", "refused:1")
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
		c.claim(&s)
	}
	if name > "a" && c.number("needs", 0, 3) == 0 {
		s.Needs = []string{"a"}
	}
	return s
}
