package main

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"havn.internal/gitops"
	"havn.internal/spec"
)

func siteOf(services []string, routes map[string][]string) spec.Site {
	s := spec.Site{Services: map[string]spec.Service{}, Routes: map[string]spec.Route{}}
	for _, name := range services {
		s.Services[name] = spec.Service{Name: name}
	}
	for host, paths := range routes {
		r := spec.Route{Hosts: []string{host}, Paths: map[string]spec.Target{}}
		for _, path := range paths {
			r.Paths[path] = spec.Target{}
		}
		s.Routes[host] = r
	}
	return s
}

func TestWhatASiteLoses(t *testing.T) {
	full := siteOf([]string{"api", "web"}, map[string][]string{"a.example": {"/", "/b"}, "b.example": {"/"}})
	for name, c := range map[string]struct {
		after spec.Site
		want  string
	}{
		"nothing":    {full, ""},
		"more":       {siteOf([]string{"api", "new", "web"}, map[string][]string{"a.example": {"/", "/b", "/c"}, "b.example": {"/"}}), ""},
		"a service":  {siteOf([]string{"web"}, map[string][]string{"a.example": {"/", "/b"}, "b.example": {"/"}}), "service api"},
		"a rename":   {siteOf([]string{"api", "web2"}, map[string][]string{"a.example": {"/", "/b"}, "b.example": {"/"}}), "service web"},
		"a route":    {siteOf([]string{"api", "web"}, map[string][]string{"a.example": {"/", "/b"}}), "route b.example at b.example/"},
		"a path":     {siteOf([]string{"api", "web"}, map[string][]string{"a.example": {"/"}, "b.example": {"/"}}), "route a.example at a.example/b"},
		"everything": {spec.Site{}, "service api"},
	} {
		if got := loses(full, c.after); got != c.want {
			t.Errorf("%s: loses %q, want %q", name, got, c.want)
		}
	}
}

// A removal waits until the directory has stayed as it is; a commit's does not.
func TestRemovalsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &daemon{host: &host{log: slog.New(slog.DiscardHandler)}}
		whole := true
		r := gitops.Revision{Still: func() bool { return whole }}
		took := func(r gitops.Revision, lost string) (bool, time.Duration) {
			begin := time.Now()
			return d.stays(t.Context(), r, lost), time.Since(begin)
		}
		if stays, after := took(r, ""); !stays || after != 0 {
			t.Errorf("nothing lost: %v after %s", stays, after)
		}
		if stays, after := took(gitops.Revision{}, "service web"); !stays || after != 0 {
			t.Errorf("a commit: %v after %s", stays, after)
		}
		if stays, after := took(r, "service web"); !stays || after < stayTime {
			t.Errorf("a directory: %v after %s", stays, after)
		}
		time.AfterFunc(time.Second, func() { whole = false })
		if stays, after := took(r, "service web"); stays || after > time.Second+stayLook {
			t.Errorf("one that changes: %v after %s", stays, after)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if d.stays(ctx, gitops.Revision{Still: func() bool { return true }}, "service web") {
			t.Error("it goes on after its end")
		}
	})
}
