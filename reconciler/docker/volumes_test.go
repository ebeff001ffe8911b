package docker_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/build"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// imageOf builds an image upon that of the replica, with more instructions.
func imageOf(t *testing.T, ref string, instructions ...string) string {
	t.Helper()
	dockerfile := "FROM " + replicaImage + "\n" + strings.Join(instructions, "\n") + "\n"
	done, err := api.ImageBuild(t.Context(), archive(map[string]string{"Dockerfile": dockerfile}), build.ImageBuildOptions{Tags: []string{ref}, Remove: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeImages(t, ref) })
	said, err := io.ReadAll(done.Body)
	_ = done.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	i, err := api.ImageInspect(t.Context(), ref)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return i.ID
}

// of is the start of a replica of an image.
func (s *site) of(imageID string, slot int, change ...func(*spec.Service)) plan.Start {
	a := s.replica(service(change...), slot)
	a.Release.ImageID = imageID
	a.Fingerprint = a.Release.Fingerprint(s.config.Site)
	a.Name = plan.ContainerName(a.Release.Service.Name, a.Fingerprint, slot)
	return a
}

// A nameless volume, which the engine makes for a VOLUME of the image, goes with its
// container; named ones never do, whether their container ran or not.
func TestNamelessVolumesGoWithTheirContainer(t *testing.T) {
	id := imageOf(t, tag("volumes"), "VOLUME /data", "VOLUME /named")
	p := newProxy(t)
	s := p.site(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	s.do(s.CreateVolume(s.ctx, plan.CreateVolume{Volume: spec.Volume{Name: "kept"}}))
	mounted := func(w *spec.Service) { w.Volumes = map[string]spec.VolumeMount{"/named": {Volume: "kept"}} }
	a := s.of(id, 0, mounted)
	s.do(s.Start(s.ctx, a))
	nameless := namelessOf(t, a.Name)
	if nameless == "" {
		t.Fatal("the engine made no volume for /data")
	}
	get(t, a, "/write", "path", "/named/x", "text", "precious")
	made := inspect(t, a.Name).ID
	s.do(s.Stop(s.ctx, plan.Stop{ID: made, Grace: time.Second}))
	s.do(s.Remove(s.ctx, plan.Remove{ID: made}))
	if s.hasVolume(nameless) || !s.hasVolume(s.config.Site+"_kept") {
		t.Errorf("the nameless volume is there: %v, the named one: %v", s.hasVolume(nameless), s.hasVolume(s.config.Site+"_kept"))
	}

	failing := s.of(id, 1, mounted, func(w *spec.Service) { w.User = "nobody-knows" })
	p.before("POST .*/start", func() { nameless = namelessOf(t, failing.Name) })
	wantError(t, s.Start(s.ctx, failing), "nobody-knows")
	if nameless == "" || s.hasVolume(nameless) {
		t.Errorf("a start that failed leaves volume %q", nameless)
	}
	s.do(s.Start(s.ctx, a))
	if _, text := get(t, a, "/read", "path", "/named/x"); text != "precious" {
		t.Errorf("the data is %q", text)
	}
}

func (s *site) hasVolume(name string) bool {
	s.t.Helper()
	_, err := api.VolumeInspect(s.ctx, name)
	return err == nil
}

// namelessOf is the volume at a container's /data.
func namelessOf(t *testing.T, container string) string {
	for _, m := range inspect(t, container).Mounts {
		if m.Destination == "/data" {
			return m.Name
		}
	}
	return ""
}
