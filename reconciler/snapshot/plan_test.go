package snapshot_test

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/reconciler/snapshot"
	"havn.internal/spec"
)

// there is the plan that the host makes of itself: it knows of images what the site
// wants.
func there(want spec.Site, have plan.Observed) model.Road {
	images := map[string]plan.Image{}
	for _, s := range want.Services {
		images[s.Image] = have.Images[s.Image]
	}
	have.Images = images
	return model.Forecast(want, have, moment)
}

// Whatever a revision changes, a plan against the snapshot is that of the host: the
// same hash, the same changes, the same road to the second; and no secret of the
// host is in it, or in the file.
func TestAPlanAgainstASnapshotIsThatOfTheHost(t *testing.T) {
	base := site("api", "web")
	for name, want := range wishes(base) {
		t.Run(name, func(t *testing.T) {
			have := at(base)
			text := file(t, have)
			if bytes.Contains(text, []byte(secret)) {
				t.Fatalf("the file has a secret:\n%s", text)
			}
			s, err := snapshot.Decode(text)
			if err != nil {
				t.Fatal(err)
			}
			host, here := there(want, have), model.Forecast(want, s.Observed(want), s.At)
			if here.Hash != host.Hash {
				t.Errorf("hash %s, on the host %s", here.Hash, host.Hash)
			}
			if !reflect.DeepEqual(acts(here), acts(host)) {
				t.Errorf("the road is\n%v\non the host\n%v", acts(here), acts(host))
			}
			if a, b := subjects(here), subjects(host); !reflect.DeepEqual(a, b) {
				t.Errorf("changes\n%v\non the host\n%v", a, b)
			}
			for _, c := range here.Changes {
				for _, f := range c.Fields {
					if strings.Contains(f.Old+f.New, secret) || strings.Contains(f.Old+f.New, "t0ken") {
						t.Errorf("a secret in %v", f)
					}
				}
			}
		})
	}
}

// wishes are sites that a revision may ask for.
func wishes(base spec.Site) map[string]spec.Site {
	less := base
	less.Services, less.Routes = maps.Clone(base.Services), maps.Clone(base.Routes)
	delete(less.Services, "web")
	delete(less.Routes, "web")
	routed := base
	routed.Routes = maps.Clone(base.Routes)
	route := routed.Routes["web"]
	route.Paths = map[string]spec.Target{
		"/":  {Service: "web", Options: spec.Options{Headers: spec.Headers{Request: map[string]string{"Authorization": "t0ken"}}}},
		"/x": {Service: "api"},
	}
	routed.Routes["web"] = route
	return map[string]spec.Site{
		"nothing":     base,
		"env":         with(base, "web", func(s *spec.Service) { s.Env["TOKEN"] = "t0ken" }),
		"one more":    with(base, "web", func(s *spec.Service) { s.Env["NEW"] = "t0ken"; delete(s.Env, "MODE") }),
		"command":     with(base, "web", func(s *spec.Service) { s.Command = []string{"t0ken"} }),
		"file":        with(base, "web", func(s *spec.Service) { s.Files = map[string]spec.File{"/etc/x": {SHA256: "t0ken"}} }),
		"image":       with(base, "web", func(s *spec.Service) { s.Image = "acme/web:2" }),
		"always":      with(base, "web", func(s *spec.Service) { s.Pull = spec.PullAlways }),
		"replicas":    with(base, "web", func(s *spec.Service) { s.Replicas = 4 }),
		"recreate":    with(base, "web", func(s *spec.Service) { s.Env["MODE"] = "t0ken"; s.Rollout.Strategy = spec.Recreate }),
		"less":        less,
		"routes":      routed,
		"all is gone": {Services: map[string]spec.Service{}, Routes: map[string]spec.Route{}, Volumes: map[string]spec.Volume{}},
		"another":     site("other"),
	}
}

// acts are the steps without their reasons: those have values.
func acts(r model.Road) []model.Step {
	var out []model.Step
	for _, s := range r.Steps {
		s.Why = ""
		out = append(out, s)
	}
	return out
}

// subjects are the changes with the names of their fields. A snapshot does not tell the
// words of a command apart.
func subjects(r model.Road) []model.Change {
	var out []model.Change
	for _, c := range r.Changes {
		var fields []plan.Change
		for _, f := range c.Fields {
			name, _, _ := strings.Cut(f.Field, "[")
			fields = append(fields, plan.Change{Field: name})
		}
		c.Fields = slices.CompactFunc(fields, func(a, b plan.Change) bool { return a.Field == b.Field })
		out = append(out, c)
	}
	return out
}

// The reasons on the road tell what changes, and to what only where that is no
// secret.
func TestAReasonOnTheRoadHasNoValue(t *testing.T) {
	base := site("web")
	want := with(base, "web", func(s *spec.Service) { s.Env["TOKEN"] = "t0ken" })
	s, err := snapshot.Decode(file(t, at(base)))
	if err != nil {
		t.Fatal(err)
	}
	road := model.Forecast(want, s.Observed(want), s.At)
	var why strings.Builder
	for _, step := range road.Steps {
		why.WriteString(step.Why + "\n")
	}
	if text := why.String(); strings.Contains(text, "t0ken") || !strings.Contains(text, "env.TOKEN changed") {
		t.Errorf("the reasons:\n%s", text)
	}
}

func TestTheSameHostIsTheSameFile(t *testing.T) {
	if a, b := file(t, at(site("api", "web"))), file(t, at(site("api", "web"))); !bytes.Equal(a, b) {
		t.Errorf("%s\n%s", a, b)
	}
}

// A line is an object: what a commit changes of a snapshot can be read.
func TestAFileHasShortLines(t *testing.T) {
	text := file(t, at(site("api", "web")))
	lines := bytes.Split(text, []byte("\n"))
	longest := 0
	for _, line := range lines {
		longest = max(longest, len(line))
	}
	if len(lines) < 40 || longest > 2500 || len(text) > 10_000 {
		t.Errorf("%d bytes in %d lines, the longest of %d:\n%s", len(text), len(lines), longest, text)
	}
}
