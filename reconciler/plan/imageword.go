package plan

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"havn.internal/spec"
)

// A Word is what an image says of the containers made of it ("config" of the OCI image
// configuration, as of Docker's GET /images/{name}/json). It counts where a spec is
// silent.
type Word struct {
	StopSignal string   `json:"stopSignal,omitempty"`
	Entrypoint []string `json:"entrypoint,omitempty"`
	Command    []string `json:"command,omitempty"`
	User       string   `json:"user,omitempty"`
	// Volumes are the paths of its VOLUMEs, and Exposed the ports that it exposes
	// ("80/tcp"), both sorted.
	Volumes []string `json:"volumes,omitempty"`
	Exposed []string `json:"exposed,omitempty"`
	// Check is the timing of its HEALTHCHECK; zero if it has none.
	Check Check `json:"check,omitzero"`
	// S6: variables of its environment are settings of s6-overlay.
	S6 bool `json:"s6,omitempty"`
	// Labels are the names of those that other tools act on; see [spec.ToolLabel].
	Labels []string `json:"labels,omitempty"`
}

// A Check is when Docker runs a HEALTHCHECK, and how often it may fail in a row.
type Check struct {
	Interval      time.Duration `json:"interval"`
	Timeout       time.Duration `json:"timeout"`
	StartPeriod   time.Duration `json:"startPeriod,omitempty"`
	StartInterval time.Duration `json:"startInterval,omitempty"`
	Failures      int           `json:"failures"`
}

// first is how long after the start Docker knows of the first check at the latest.
func (c Check) first() time.Duration {
	const slack = 5 * time.Second // a busy engine's
	return c.Interval + c.Timeout + slack
}

// Brief is w without the arguments of programs, which may hold anything.
func (w Word) Brief() Word {
	if len(w.Entrypoint) > 0 {
		w.Entrypoint, w.Command = w.Entrypoint[:1], nil
	} else if len(w.Command) > 0 {
		w.Command = w.Command[:1]
	}
	return w
}

// firstProcess are the programs that refuse to run, or do half of their work, unless
// they are process 1: s6-overlay's /init, systemd, runit and OpenRC.
var firstProcess = []string{
	"/init", "/sbin/init", "/usr/sbin/init", "/sbin/openrc-init", "/sbin/runit", "/sbin/runit-init", "/usr/sbin/runit",
	"/usr/sbin/runit-init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd", "s6-svscan", "s6-linux-init",
}

// OwnInit is the program that the service's containers begin with, if it has to be
// process 1; empty if it need not.
func (w Word) OwnInit(s spec.Service) string {
	argv := w.argv(s)
	if len(argv) == 0 {
		return ""
	}
	switch program := path.Clean(argv[0]); {
	case slices.Contains(firstProcess, program), slices.Contains(firstProcess, path.Base(program)):
		return shown(argv[0])
	case w.S6 && len(s.Entrypoint) == 0 && len(w.Entrypoint) > 0:
		return shown(argv[0])
	}
	return ""
}

// shown is a text of the image's as it can be printed anywhere.
func shown(text string) string {
	if quoted := strconv.Quote(text); quoted != `"`+text+`"` {
		return quoted
	}
	return text
}

func allShown(texts []string) string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = shown(text)
	}
	return strings.Join(out, ", ")
}

// initHint says what to do about the exit code of s6-overlay's "can only run as pid 1",
// where the image did not tell that it has one.
func initHint(c Container) string {
	const notFirst = 100
	if c.ExitCode != notFirst || c.Release.Service.Init == spec.InitOff {
		return ""
	}
	return " (if it has to be process 1, as s6 has, set `init` to false)"
}

// DockerInit: Docker's init is to be process 1 of the service's containers.
func (w Word) DockerInit(s spec.Service) bool {
	switch s.Init {
	case spec.InitOn:
		return true
	case spec.InitOff:
		return false
	}
	return w.OwnInit(s) == ""
}

// argv is what the service's containers begin with. An entrypoint of the spec drops the
// image's command, as Docker does; [""] is none at all.
func (w Word) argv(s spec.Service) []string {
	switch {
	case len(s.Entrypoint) == 1 && s.Entrypoint[0] == "":
		return s.Command
	case len(s.Entrypoint) > 0:
		return append(slices.Clone(s.Entrypoint), s.Command...)
	case len(s.Command) > 0:
		return append(slices.Clone(w.Entrypoint), s.Command...)
	}
	return append(slices.Clone(w.Entrypoint), w.Command...)
}

// CheckOf is when Docker runs the image's HEALTHCHECK in the service's containers: as
// the image says, but for what the spec says, and never more often than
// [spec.ShortestCheck].
func (w Word) CheckOf(s spec.Service) Check {
	c, own, least := w.Check, s.Health.Image, spec.ShortestCheck.Std()
	if c == (Check{}) || s.Health.Kind != spec.HealthImage && s.Health.Kind != spec.HealthAuto {
		return Check{}
	}
	c.Interval = max(least, cmp.Or(own.Interval.Std(), c.Interval))
	c.Timeout = cmp.Or(own.Timeout.Std(), c.Timeout)
	c.StartPeriod = cmp.Or(own.StartPeriod.Std(), c.StartPeriod)
	c.Failures = cmp.Or(own.Failures, c.Failures)
	if c.StartInterval > 0 {
		c.StartInterval = max(least, c.StartInterval)
	}
	return c
}

// refusal is why no container of the service can run with the image, as far as the
// image tells; empty if it can.
func refusal(s spec.Service, i Image) string {
	switch {
	case i.Problem != "":
		return i.Problem
	case i.Word == nil:
		return ""
	case len(i.Word.argv(s)) == 0:
		return fmt.Sprintf("image %s names no command to run (neither ENTRYPOINT nor CMD), and the spec gives none: set `command` or `entrypoint`", s.Image)
	case s.Health.Kind == spec.HealthImage && !i.HasHealthcheck:
		return fmt.Sprintf("image %s has no HEALTHCHECK, which `health: image` runs: choose a check of kind http, tcp or exec", s.Image)
	}
	return ""
}

// readyWithin is how long after its start a replica has to be ready: what the spec says,
// but no sooner than a check that Docker runs in it has had its first chance.
func (v *view) readyWithin(c Container) time.Duration {
	limit := v.rollout().HealthyDeadline.Std()
	if c.Checked {
		limit = max(limit, c.Check.first())
	}
	return limit
}

// stopping is how a replica is asked to end: as the spec says now if it is of the wanted
// release, since that changes in place, and with the image's signal if none is named.
func (m *maker) stopping(c Container) spec.Stop {
	stop, wanted := c.Release.Service.Stop, m.want.Services[c.Service]
	now := spec.Release{Service: wanted, ImageID: c.Release.ImageID}
	if wanted.Name != "" && now.Fingerprint(m.have.Site) == c.Fingerprint {
		stop = wanted.Stop
	}
	if i := m.have.Images[wanted.Image]; stop.Signal == "" && i.Word != nil && i.ID == c.Release.ImageID {
		stop.Signal = i.Word.StopSignal
	}
	return stop
}

// A Note is what a service costs or loses by what its image says, in what it differs from
// the spec and is left alone, or what else on the host concerns the site. It keeps nothing
// from going on.
type Note struct {
	Service string `json:"service,omitempty"`
	Why     string `json:"why"`
}

// String is for people: "SERVICE: why".
func (n Note) String() string { return strings.TrimPrefix(n.Service+": "+n.Why, ": ") }

// notes are those of every service: of its image if that is on the host, and of drift that
// is left alone.
func (m *maker) notes() {
	m.strangers()
	for _, v := range m.views {
		m.toleratedNotes(v)
		i := m.have.Images[v.wanted.Image]
		if i.Word == nil || v.wanted.Replicas == 0 {
			continue
		}
		for _, why := range i.Word.notes(v.wanted) {
			m.plan.Notes = append(m.plan.Notes, Note{v.name, why})
		}
	}
}

func (w Word) notes(s spec.Service) []string {
	var out []string
	note := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, at := range w.unkept(s) {
		note("image %s writes data to %s (VOLUME), where no volume is mounted: the data is lost with each replica; mount a volume at %s to keep it", s.Image, shown(at), shown(at))
	}
	if first, limit := w.CheckOf(s).first(), s.Rollout.HealthyDeadline.Std(); w.Check != (Check{}) && w.CheckOf(s) != (Check{}) && first > limit {
		note("Docker runs the HEALTHCHECK of image %s for the first time %s after the start, so that a replica may take %s to be ready in place of healthyDeadline (%s); "+
			"`health: interval` shortens it", s.Image, w.CheckOf(s).Interval, first, limit)
	}
	if missing := w.unexposed(s); len(missing) > 0 {
		note("port %s is not among those that image %s exposes (%s)", strings.Join(missing, ", "), s.Image, allShown(w.Exposed))
	}
	if program := w.OwnInit(s); program != "" && s.Init == spec.InitAuto {
		note("it runs without Docker's init, since image %s begins with %s, which has to be process 1; `init: true` overrules that", s.Image, program)
	} else if program != "" && s.Init == spec.InitOn {
		note("`init: true` makes Docker's init process 1, and image %s begins with %s, which has to be that", s.Image, program)
	}
	if files := w.unreadable(s); len(files) > 0 {
		note("user %q of image %s cannot read %s: let others read it (mode \"0444\"), or set `user` to a number", w.User, s.Image, strings.Join(files, ", "))
	}
	if len(w.Labels) > 0 {
		note("labels of image %s that other tools act on are emptied: %s", s.Image, allShown(w.Labels))
	}
	return out
}

// unkept are the VOLUMEs of the image at which the service mounts nothing.
func (w Word) unkept(s spec.Service) []string {
	mounted := map[string]bool{}
	for at := range s.Volumes {
		mounted[path.Clean(at)] = true
	}
	for at := range s.Binds {
		mounted[path.Clean(at)] = true
	}
	for at := range s.Security.Tmpfs {
		mounted[path.Clean(at)] = true
	}
	return slices.DeleteFunc(slices.Clone(w.Volumes), func(at string) bool { return mounted[path.Clean(at)] })
}

// unexposed are the ports of the service that the image does not expose; none if it
// exposes nothing at all.
func (w Word) unexposed(s spec.Service) []string {
	if len(w.Exposed) == 0 {
		return nil
	}
	wanted := map[string]bool{}
	if s.Port != 0 {
		wanted[strconv.Itoa(s.Port)+"/tcp"] = true
	}
	if h := s.Health; h.Port != 0 && (h.Kind == spec.HealthHTTP || h.Kind == spec.HealthTCP) {
		wanted[strconv.Itoa(h.Port)+"/tcp"] = true
	}
	for _, p := range s.Ports {
		wanted[fmt.Sprintf("%d/%s", p.Port, p.Protocol)] = true
	}
	var out []string
	for port := range wanted {
		if !slices.Contains(w.Exposed, port) {
			out = append(out, port)
		}
	}
	slices.Sort(out)
	return out
}

// unreadable are the files that the image's user can't read.
func (w Word) unreadable(s spec.Service) []string {
	var out []string
	for at, f := range s.Files {
		if _, _, ok := f.Owner(w.User); s.User == "" && w.User != "" && !ok {
			out = append(out, at)
		}
	}
	slices.Sort(out)
	return out
}
