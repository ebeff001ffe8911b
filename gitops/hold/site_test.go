package hold_test

import (
	"testing"
	"time"

	"havn.internal/gitops/hold"
	"havn.internal/spec"
)

// site is a revision in which each service has the image that is given.
func site(revision string, images map[string]string) spec.Site {
	s := spec.Site{Revision: revision, Services: map[string]spec.Service{}, Routes: map[string]spec.Route{}, Volumes: map[string]spec.Volume{}}
	for name, image := range images {
		s.Services[name] = service(name, image)
	}
	return s
}

func service(name, image string) spec.Service {
	return spec.Service{Name: name, Image: image, Port: 80, Replicas: 1,
		Health:  spec.Health{Interval: spec.Duration(time.Second), Timeout: spec.Duration(time.Second), Successes: 1},
		Rollout: spec.Rollout{Strategy: spec.Rolling, HealthyDeadline: spec.Duration(time.Minute), ProgressDeadline: spec.Duration(time.Hour), PullDeadline: spec.Duration(time.Hour)},
		Stop:    spec.Stop{Signal: "SIGTERM"},
		Log:     spec.Log{MaxSize: 1 << 20}}
}

func web(revision string) spec.Site {
	return site(revision, map[string]string{"web": "web:" + revision, "api": "api:" + revision})
}

var (
	ada  = hold.By{Who: "ada", Why: "errors"}
	noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
)

func known(s spec.Site) hold.Known {
	k := hold.Known{Revision: s.Revision, Good: true, Site: s, Images: map[string]string{}}
	for _, one := range s.Services {
		k.Images[one.Image] = "sha256:" + one.Image
	}
	return k
}

func only(t *testing.T, service string, then, now spec.Site) hold.Pin {
	t.Helper()
	p, err := known(then).Only(service, now, known(now).Images, ada, noon)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
