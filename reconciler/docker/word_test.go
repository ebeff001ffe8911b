package docker_test

import (
	"slices"
	"testing"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// What an image says of its containers is seen with the image.
func TestImageIsRead(t *testing.T) {
	ref := tag("word")
	imageOf(t, ref, "STOPSIGNAL SIGUSR1", "USER 1234", "VOLUME /data", "EXPOSE 80 53/udp", "ENV S6_KEEP_ENV=1", `CMD ["serve"]`,
		"LABEL traefik.enable=true", "LABEL org.example.team=red", "HEALTHCHECK --interval=5m --retries=7 CMD /x")
	s := newSite(t)
	i := s.observe(want(service(func(w *spec.Service) { w.Image = ref }))).Images[ref]
	if i.Word == nil || !i.HasHealthcheck {
		t.Fatalf("observed %+v", i)
	}
	w := *i.Word
	switch {
	case w.StopSignal != "SIGUSR1", w.User != "1234", !slices.Equal(w.Volumes, []string{"/data"}), !slices.Equal(w.Exposed, []string{"53/udp", "80/tcp"}), !w.S6,
		!slices.Equal(w.Entrypoint, []string{"/replica"}), !slices.Equal(w.Command, []string{"serve"}), !slices.Equal(w.Labels, []string{"traefik.enable"}):
		t.Errorf("the image says %+v", w)
	case w.Check != plan.Check{Interval: 5 * time.Minute, Timeout: 30 * time.Second, Failures: 7}:
		t.Errorf("its check is %+v", w.Check)
	}
}

// The image's stop signal is sent unless the spec names one.
func TestStopSignalOfTheImage(t *testing.T) {
	id := imageOf(t, tag("signal"), "STOPSIGNAL SIGUSR1")
	s := newSite(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	for slot, c := range []struct {
		named string
		code  int
	}{{"", 10}, {"SIGINT", 2}} {
		a := s.of(id, slot, func(w *spec.Service) { w.Stop.Signal = c.named })
		s.do(s.Start(s.ctx, a))
		ask(t, a)
		s.do(s.Stop(s.ctx, plan.Stop{Name: a.Name, ID: a.Name, Signal: c.named, Grace: 20 * time.Second}))
		if got := s.observe(want()).Containers[a.Name]; got.ExitCode != c.code {
			t.Errorf("the spec names %q: it ended with %d, want %d", c.named, got.ExitCode, c.code)
		}
	}
}

// An image whose entrypoint is an init of its own gets to be process 1, and the spec has
// the last word.
func TestInit(t *testing.T) {
	files := map[string]string{"init": replicaFiles["replica"]}
	own := tag("init")
	id, err := makeImage(own, files, `ENTRYPOINT ["/init"]`)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeImages(t, own) })
	s6 := imageOf(t, tag("s6"), "ENV S6_OVERLAY_VERSION=3")
	s := newSite(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	for slot, c := range []struct {
		image string
		init  spec.Init
		first bool
	}{
		{replicaID, spec.InitAuto, false}, {replicaID, spec.InitOff, true}, {id, spec.InitAuto, true}, {id, spec.InitOn, false}, {s6, spec.InitAuto, true},
	} {
		a := s.of(c.image, slot, func(w *spec.Service) { w.Init = c.init })
		s.do(s.Start(s.ctx, a))
		if r := ask(t, a); (r.PID == 1) != c.first {
			t.Errorf("image %s, init %q: it is process %d", c.image, c.init, r.PID)
		}
	}
}

func TestHostname(t *testing.T) {
	s := newSite(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	s.do(s.CreateVolume(s.ctx, plan.CreateVolume{Volume: spec.Volume{Name: "data"}}))
	for slot, c := range []struct {
		change func(*spec.Service)
		want   string
	}{
		{func(w *spec.Service) {}, ""},
		{func(w *spec.Service) { w.Hostname = "mail.example.no" }, "mail.example.no"},
		{func(w *spec.Service) { w.Volumes = map[string]spec.VolumeMount{"/data": {Volume: "data"}} }, "web"},
		{func(w *spec.Service) {
			w.Volumes = map[string]spec.VolumeMount{"/data": {Volume: "data", Shared: true}}
		}, ""},
	} {
		a := s.replica(service(c.change), slot)
		if c.want == "" {
			c.want = a.Name
		}
		s.do(s.Start(s.ctx, a))
		if r := ask(t, a); r.Hostname != c.want {
			t.Errorf("its hostname is %s, want %s", r.Hostname, c.want)
		}
	}
}

// The timing of the image's HEALTHCHECK holds but for what the spec says, and for what
// would be a storm of processes.
func TestTimingOfTheImagesCheck(t *testing.T) {
	slow := imageOf(t, tag("slow"), `HEALTHCHECK --interval=5m --timeout=7s CMD ["/replica", "check", "/etc/passwd"]`)
	storm := imageOf(t, tag("storm"), `HEALTHCHECK --interval=1ms CMD ["/replica", "check", "/etc/passwd"]`)
	s := newSite(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	half := spec.Duration(500 * time.Millisecond)
	for slot, c := range []struct {
		image string
		kind  spec.HealthKind
		own   spec.ImageCheck
		want  plan.Check
	}{
		{slow, spec.HealthImage, spec.ImageCheck{}, plan.Check{Interval: 5 * time.Minute, Timeout: 7 * time.Second, Failures: 3}},
		{slow, spec.HealthImage, spec.ImageCheck{Interval: half, Failures: 9}, plan.Check{Interval: half.Std(), Timeout: 7 * time.Second, Failures: 9}},
		{slow, spec.HealthAuto, spec.ImageCheck{Interval: half}, plan.Check{Interval: half.Std(), Timeout: 7 * time.Second, Failures: 3}},
		{storm, spec.HealthAuto, spec.ImageCheck{}, plan.Check{Interval: half.Std(), Timeout: 30 * time.Second, Failures: 3}},
		{replicaID, spec.HealthAuto, spec.ImageCheck{Interval: half}, plan.Check{}},
		{slow, spec.HealthTCP, spec.ImageCheck{}, plan.Check{}},
	} {
		a := s.of(c.image, slot, func(w *spec.Service) { w.Health = spec.Health{Kind: c.kind, Image: c.own} })
		s.do(s.Start(s.ctx, a))
		have := s.observe(want()).Containers[a.Name]
		if have.Check != c.want || have.Checked != (c.want != plan.Check{}) {
			t.Errorf("%s with %+v: Docker checks with %+v, want %+v", c.kind, c.own, have.Check, c.want)
		}
		if c.want.Interval == half.Std() {
			s.until(a.Name, "is healthy", func(c plan.Container) bool { return c.Health.Ready })
		}
	}
}

// Labels of the image that other tools act on do nothing; others come through.
func TestLabelsOfTheImage(t *testing.T) {
	id := imageOf(t, tag("labels"), "LABEL traefik.enable=true", "LABEL com.docker.compose.project=shop", "LABEL havn.evil=1", "LABEL org.example.team=red")
	s := newSite(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	a := s.of(id, 0)
	s.do(s.Start(s.ctx, a))
	labels := inspect(t, a.Name).Config.Labels
	if labels["traefik.enable"] != "" || labels["com.docker.compose.project"] != "" || labels["havn.evil"] != "" || labels["org.example.team"] != "red" {
		t.Errorf("its labels are %v", labels)
	}
}

// A file that only its owner may read belongs to the user, be it the spec's or the
// image's, and stays while a replica has it.
func TestFileOfTheUser(t *testing.T) {
	numbered := imageOf(t, tag("user"), "USER 1234:5678")
	s := newSite(t)
	s.do(s.CreateNetwork(s.ctx, plan.CreateNetwork{}))
	w := func(w *spec.Service) { w.Files = map[string]spec.File{"/secret": file("s3cret", 0o400)} }
	for slot, a := range []plan.Start{
		s.of(replicaID, 0, w, func(w *spec.Service) { w.User = "1234" }),
		s.of(numbered, 1, w),
	} {
		s.do(s.Start(s.ctx, a))
		if status, text := get(t, a, "/read", "path", "/secret"); status != 200 || text != "s3cret" {
			t.Errorf("%d: it reads %d %q", slot, status, text)
		}
		s.Tidy([]spec.Release{a.Release})
		if status, _ := get(t, a, "/write", "path", "/secret", "text", "x"); status == 200 {
			t.Error("it may write to it")
		}
	}
	s.files(2)
	s.Tidy(nil)
	s.files(0)
}
