package hold_test

import (
	"strings"
	"testing"

	"havn.internal/gitops/hold"
	"havn.internal/spec"
)

func whole(s spec.Site) *hold.Pin {
	p := known(s).Whole(ada, noon)
	return &p
}

func TestNewestIsWanted(t *testing.T) {
	one, two := web("1"), web("2")
	if d := hold.Decide(hold.Input{Now: noon}); d.Site != nil {
		t.Errorf("without a source: %+v", d)
	}
	if d := hold.Decide(hold.Input{Passed: &one, Now: noon}); d.Site.Revision != "1" || d.Passes {
		t.Errorf("while the source has nothing: %+v", d)
	}
	if d := hold.Decide(hold.Input{Newest: &two, Passed: &one, Now: noon}); d.Site.Revision != "2" || !d.Passes || d.Waits != "" {
		t.Errorf("a new one: %+v", d)
	}
}

func TestPinnedHostWaits(t *testing.T) {
	one, three, four := web("1"), web("3"), web("4")
	in := hold.Input{Newest: &four, Passed: &three, State: hold.State{Host: whole(one)}, Now: noon}
	d := hold.Decide(in)
	if d.Site.Revision != "1" || d.Passes || d.Waits != "4" || d.Images["web:1"] != "sha256:web:1" {
		t.Errorf("%+v", d)
	}
	if !strings.Contains(d.Why, "pinned to 1 by ada since") || !strings.Contains(d.Why, "(errors)") {
		t.Errorf("it waits because %q", d.Why)
	}
	// What the calendar closed stays so when the pin is off.
	in.Host, in.Freeze = nil, &hold.Freeze{By: ada}
	if d := hold.Decide(in); d.Site.Revision != "3" || d.Waits != "4" || !d.Frozen {
		t.Errorf("%+v", d)
	}
	// Nothing waits if the source is where the pin is.
	if d := hold.Decide(hold.Input{Newest: &one, State: hold.State{Host: whole(one)}, Now: noon}); d.Waits != "" {
		t.Errorf("%+v", d)
	}
}

func TestFrozen(t *testing.T) {
	one, two := web("1"), web("2")
	frozen := hold.State{Freeze: &hold.Freeze{Until: noon.AddDate(0, 0, 1), By: ada}}
	in := hold.Input{Newest: &two, Passed: &one, State: frozen, Now: noon}
	d := hold.Decide(in)
	if d.Site.Revision != "1" || d.Waits != "2" || !d.Again.Equal(frozen.Freeze.Until) || !strings.Contains(d.Why, "errors") || !strings.Contains(d.Why, "`havn accept 2`") {
		t.Errorf("%+v", d)
	}
	in.Consent = "2"
	if d := hold.Decide(in); d.Site.Revision != "2" || !d.Passes {
		t.Errorf("with consent: %+v", d)
	}
	in.Consent = "1"
	if d := hold.Decide(in); d.Site.Revision != "1" {
		t.Errorf("with consent to another: %+v", d)
	}
	// What runs is not held, nor going back, nor the first site of a host.
	if d := hold.Decide(hold.Input{Newest: &one, Passed: &one, State: frozen, Now: noon}); d.Waits != "" {
		t.Errorf("what has passed: %+v", d)
	}
	if d := hold.Decide(hold.Input{Newest: &one, State: frozen, Now: noon}); !d.Passes {
		t.Errorf("the first: %+v", d)
	}
	frozen.Host = whole(one)
	if d := hold.Decide(hold.Input{Newest: &two, Passed: &two, State: frozen, Now: noon}); d.Site.Revision != "1" {
		t.Errorf("a rollback: %+v", d)
	}
}

func pinned(p ...hold.Pin) hold.State {
	s := hold.State{Services: map[string]hold.Pin{}}
	for _, one := range p {
		s.Services[one.Service] = one
	}
	return s
}

func TestPinnedServiceStaysWhileTheRestFollows(t *testing.T) {
	one, two, three := web("1"), web("2"), web("3")
	in := hold.Input{Newest: &three, Passed: &two, State: pinned(only(t, "web", one, two)), Now: noon}
	d := hold.Decide(in)
	if d.Site.Services["web"].Image != "web:1" || d.Site.Services["api"].Image != "api:3" || d.Site.Revision != "3+web@1" || d.Base != "3" {
		t.Errorf("%+v", d)
	}
	if d.Images["web:1"] != "sha256:web:1" || len(d.Images) != 1 {
		t.Errorf("the images are %v", d.Images)
	}
	if three.Services["web"].Image != "web:3" {
		t.Error("the site of the source was changed")
	}
}

// A new revision that the pinned service does not go with waits; nothing changes.
func TestPinnedServiceThatDoesNotFit(t *testing.T) {
	one, two, three := web("1"), web("2"), web("3")
	s := one.Services["web"]
	s.Needs = []string{"api"}
	one.Services["web"] = s
	delete(three.Services, "api")
	in := hold.Input{Newest: &three, Passed: &two, State: pinned(only(t, "web", one, two)), Now: noon}
	d := hold.Decide(in)
	if d.Site == nil || d.Base != "2" || d.Waits != "3" || d.Passes || d.Broken == nil || !strings.Contains(d.Why, `no service "api"`) {
		t.Errorf("%+v", d)
	}
}

func TestPinnedServiceBringsItsVolume(t *testing.T) {
	one, two := web("1"), web("2")
	s := one.Services["web"]
	s.Rollout.Strategy, s.Volumes = spec.Recreate, map[string]spec.VolumeMount{"/data": {Volume: "data"}}
	one.Services["web"], one.Volumes["data"], one.Volumes["other"] = s, spec.Volume{Name: "data"}, spec.Volume{Name: "other"}
	d := hold.Decide(hold.Input{Newest: &two, State: pinned(only(t, "web", one, two)), Now: noon})
	if d.Site == nil || len(d.Site.Volumes) != 1 || d.Site.Volumes["data"].Name != "data" {
		t.Errorf("%+v", d)
	}
}

// A tag that two services use can't be two images.
func TestTagThatMoved(t *testing.T) {
	latest := func(revision, id string) hold.Known {
		return hold.Known{Revision: revision, Site: site(revision, map[string]string{"web": "app:latest", "job": "app:latest"}), Images: map[string]string{"app:latest": id}}
	}
	then, now := latest("1", "sha256:1"), latest("2", "sha256:2")
	for _, c := range []struct {
		name   string
		beside hold.Known
		broken bool
		images int
	}{
		{"the same image", latest("2", "sha256:1"), false, 0},
		{"another image", now, true, 0},
		{"nobody else uses it", hold.Known{Revision: "2", Site: site("2", map[string]string{"web": "app:latest"}), Images: now.Images}, false, 1},
	} {
		p, err := then.Only("web", c.beside.Site, c.beside.Images, ada, noon)
		if err != nil {
			t.Fatal(err)
		}
		d := hold.Decide(hold.Input{Newest: &c.beside.Site, State: pinned(p), Now: noon})
		if (d.Broken != nil) != c.broken || len(d.Images) != c.images {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
}
