package plan

import (
	"strings"
	"testing"
	"time"

	"havn.internal/spec"
)

// An init that has to be process 1 is found out by what a container begins with.
func TestOwnInit(t *testing.T) {
	for _, c := range []struct {
		image, command, entrypoint string // words
		s6                         bool
		want                       string
	}{
		{"/init", "", "", false, "/init"},
		{"/sbin/init", "", "", false, "/sbin/init"},
		{"/app", "", "", false, ""},
		{"", "/init", "", false, "/init"},
		{"/app", "/init", "", false, ""},
		{"/init", "", "/app", false, ""},
		{"/init", "/app", `""`, false, ""},
		{"", "", "/init", false, "/init"},
		{"/usr/bin/s6-svscan", "", "", false, "/usr/bin/s6-svscan"},
		{"/entry.sh", "", "", true, "/entry.sh"},
		{"/entry.sh", "", "/app", true, ""},
		{"/usr/bin/tini", "", "", false, ""},
		{"/lib/systemd/systemd", "", "", false, "/lib/systemd/systemd"},
		{"/\x1b[2J/../init", "", "", false, `"/\x1b[2J/../init"`},
	} {
		s := spec.Service{Command: strings.Fields(c.command), Entrypoint: strings.Fields(c.entrypoint)}
		if c.entrypoint == `""` {
			s.Entrypoint = []string{""}
		}
		w := Word{Entrypoint: strings.Fields(c.image), S6: c.s6}
		if got := w.OwnInit(s); got != c.want {
			t.Errorf("%+v: %q, want %q", c, got, c.want)
		}
		if w.DockerInit(s) != (c.want == "") {
			t.Errorf("%+v: Docker's init is %v", c, w.DockerInit(s))
		}
	}
}

// A replica that ended as s6 does where it is not process 1 is told so, unless the spec
// has seen to it.
func TestInitHint(t *testing.T) {
	for _, c := range []struct {
		code int
		init spec.Init
		want bool
	}{{100, spec.InitAuto, true}, {100, spec.InitOn, true}, {100, spec.InitOff, false}, {1, spec.InitAuto, false}} {
		r := spec.Release{Service: spec.Service{Init: c.init}}
		if got := crash(Container{ExitCode: c.code, Release: r}); strings.Contains(got, "`init`") != c.want {
			t.Errorf("code %d, init %q: %s", c.code, c.init, got)
		}
	}
}

// A replica has its healthy deadline, and at least until Docker's first check.
func TestReadyWithin(t *testing.T) {
	v := &view{}
	v.target.Service.Rollout.HealthyDeadline = spec.Duration(time.Minute)
	for _, c := range []struct {
		check Check
		want  time.Duration
	}{
		{Check{}, time.Minute},
		{Check{Interval: 10 * time.Second, Timeout: time.Second}, time.Minute},
		{Check{Interval: 5 * time.Minute, Timeout: 30 * time.Second}, 5*time.Minute + 35*time.Second},
	} {
		if got := v.readyWithin(Container{Checked: c.check != Check{}, Check: c.check}); got != c.want {
			t.Errorf("%+v: %s, want %s", c.check, got, c.want)
		}
	}
}
