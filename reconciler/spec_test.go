package reconciler

import (
	"maps"
	"time"

	"havn.internal/spec"
)

// service is a service like those that spec.Load gives.
func service(name, image string, replicas int) spec.Service {
	return spec.Service{
		Name: name, Image: image, Pull: spec.PullMissing, Replicas: replicas, Port: 80,
		Health: spec.Health{
			Kind: spec.HealthTCP, Port: 80, Interval: spec.Duration(2 * time.Second), Timeout: spec.Duration(time.Second),
			Failures: 3, Successes: 1,
		},
		Rollout: spec.Rollout{
			Strategy: spec.Rolling, Surge: 1, Watch: spec.Duration(10 * time.Second), Drain: spec.Duration(30 * time.Second),
			PullDeadline: spec.Duration(10 * time.Minute), HealthyDeadline: spec.Duration(time.Minute),
			ProgressDeadline: spec.Duration(5 * time.Minute), OnFailure: spec.RollBack,
		},
		Stop: spec.Stop{Signal: "SIGTERM", Grace: spec.Duration(10 * time.Second)},
	}
}

// site has a route to each service, at a host of its name.
func site(revision string, services ...spec.Service) spec.Site {
	out := spec.Site{
		Revision: revision, Services: map[string]spec.Service{}, Routes: map[string]spec.Route{}, Volumes: map[string]spec.Volume{},
	}
	for _, s := range services {
		out.Services[s.Name] = s
		out.Routes[s.Name] = route(s.Name, s.Name+".test", s.Name)
		for _, m := range s.Volumes {
			out.Volumes[m.Volume] = spec.Volume{Name: m.Volume}
		}
	}
	return out
}

func route(name, host, service string) spec.Route {
	return spec.Route{Name: name, Hosts: []string{host}, Paths: map[string]spec.Target{"/": {Service: service}}}
}

func cloneSite(s spec.Site) spec.Site {
	s.Services, s.Routes, s.Volumes = maps.Clone(s.Services), maps.Clone(s.Routes), maps.Clone(s.Volumes)
	return s
}
