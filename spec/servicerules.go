package spec

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"github.com/distribution/reference"
)

// leastMemory is what Docker refuses to go below.
const leastMemory = 6 << 20

func (r *ruler) services() {
	var published []publication
	for _, name := range r.site.ServiceNames() {
		s, path := r.site.Services[name], []string{"services", name}
		r.image(s, path)
		r.texts(s, path)
		r.health(s, path)
		r.clocks(s, path)
		r.exclusive(s, path)
		r.effects(s, path)
		r.mounts(s, path)
		r.limits(s, path)
		r.container(s, path)
		published = r.hostPorts(s, path, published)
		r.labels(sub(path, "labels"), s.Labels)
		for i, need := range s.Needs {
			if at := sub(path, "needs", index(i)); !r.missing("services", need, at) {
				r.together(name, need, at)
			}
		}
	}
	r.cycles()
}

func (r *ruler) image(s Service, path []string) {
	if _, err := reference.ParseDockerRef(s.Image); err != nil {
		r.expect(sub(path, "image"), `an image reference in small letters, such as "ghcr.io/acme/web:1.4.2"`, datum{kind: cue.StringKind, str: s.Image}.String())
	}
}

func (r *ruler) texts(s Service, path []string) {
	r.noNUL(sub(path, "command"), s.Command...)
	r.noNUL(sub(path, "entrypoint"), s.Entrypoint...)
	r.noNUL(sub(path, "health", "exec", "command"), s.Health.Command...)
	r.noNUL(sub(path, "user"), s.User)
	for _, id := range strings.Split(s.User, ":") {
		if n, err := strconv.ParseInt(id, 10, 64); err == nil && (n < 0 || n > math.MaxInt32) || errors.Is(err, strconv.ErrRange) {
			r.expect(sub(path, "user"), "a number from 0 to 2147483647, or a name", id)
			break
		}
	}
	for _, name := range sortedKeys(s.Env) {
		r.noNUL(sub(path, "env", name), s.Env[name])
		r.word(sub(path, "env", name), name+"="+s.Env[name])
	}
	for i, word := range s.Entrypoint {
		r.word(sub(path, "entrypoint", index(i)), word)
	}
	for i, word := range s.Command {
		r.word(sub(path, "command", index(i)), word)
	}
	for _, name := range sortedKeys(s.Labels) {
		r.noNUL(sub(path, "labels", name), s.Labels[name])
	}
}

// longestWord is the longest argument or variable, with its name, that Linux gives a
// program: MAX_ARG_STRLEN without the final NUL.
const longestWord = 32*4096 - 1

func (r *ruler) word(path []string, text string) {
	if len(text) > longestWord {
		r.fail(path, fmt.Sprintf("has %d bytes; Linux gives a program words of up to %d", len(text), longestWord), "put it in a file: files: \"/etc/app.conf\": content: \"...\"")
	}
}

func (r *ruler) health(s Service, path []string) {
	path = sub(path, "health")
	src := r.source[s.Name].Health
	var kinds []string
	for kind, set := range map[string]bool{"http": src.HTTP != nil, "tcp": src.TCP != nil, "exec": src.Exec != nil, "image": src.Image} {
		if set {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	if len(kinds) > 1 {
		r.fail(path, listed(kinds, "and")+" are set, but there is one check", "keep one of them")
	}
	if len(kinds) == 1 && (s.Health.Kind == HealthHTTP || s.Health.Kind == HealthTCP) && s.Health.Port == 0 {
		r.fail(sub(path, string(s.Health.Kind)), "there is no port to check", "set a port here, or the service's `port`")
	}
	if s.Health.Status[0] > s.Health.Status[1] {
		r.fail(sub(path, "http", "status"), fmt.Sprintf("the range %d-%d is empty", s.Health.Status[0], s.Health.Status[1]), `write the lower status first, such as "200-399"`)
	}
	if k := s.Health.Kind; k != HealthExec && k != HealthImage { // see dockerCheck
		r.above(sub(path, "interval"), s.Health.Interval)
		r.above(sub(path, "timeout"), s.Health.Timeout)
	}
	r.atLeast1ms(sub(path, "startPeriod"), s.Health.StartPeriod)
}

// clocks: each deadline leaves room for what has to happen before it.
func (r *ruler) clocks(s Service, path []string) {
	o, h := s.Rollout, s.Health
	path = sub(path, "rollout")
	first := h.StartPeriod
	if h.Kind == HealthAuto && h.Port == 0 {
		first = max(first, h.Settle)
	}
	first += Duration(h.Successes-1) * h.Interval
	switch h.Kind {
	case HealthExec:
		// Docker waits an interval before the first check.
		first = max(first, h.Interval)
	case HealthImage:
		first = max(h.Image.StartPeriod, h.Image.Interval)
	}
	if o.HealthyDeadline <= first {
		r.fail(sub(path, "healthyDeadline"), fmt.Sprintf("%s ends before a replica can be ready, which takes %s by its health check (startPeriod, settle or the interval of a check that Docker runs, and the successes)", o.HealthyDeadline, first),
			"set it higher")
	}
	if o.ProgressDeadline <= o.HealthyDeadline {
		r.fail(sub(path, "progressDeadline"), fmt.Sprintf("%s is not above healthyDeadline (%s)", o.ProgressDeadline, o.HealthyDeadline), "set it higher")
	}
	r.above(sub(path, "pullDeadline"), o.PullDeadline)
}

// exclusive: what can't run twice can't be rolled, nor have two replicas.
func (r *ruler) exclusive(s Service, path []string) {
	why := s.Exclusive()
	if why == "" {
		return
	}
	if s.Rollout.Strategy != Recreate {
		r.fail(sub(path, "rollout", "strategy"), fmt.Sprintf("%q runs two replicas at once, but %s", s.Rollout.Strategy, why), `write "recreate"`)
	}
	if s.Replicas > 1 {
		r.fail(sub(path, "replicas"), fmt.Sprintf("%d replicas can't run at once: %s", s.Replicas, why), "write 1")
	}
}

func (r *ruler) limits(s Service, path []string) {
	if m := s.Resources.Memory; !r.unitless(sub(path, "resources", "memory"), m) && m > 0 && m < leastMemory {
		r.fail(sub(path, "resources", "memory"), fmt.Sprintf("%d bytes are less than Docker allows", m), `write at least "6m"`)
	}
	for _, dir := range sortedKeys(s.Security.Tmpfs) {
		r.unitless(sub(path, "security", "tmpfs", dir), s.Security.Tmpfs[dir])
	}
	r.unitless(sub(path, "log", "maxSize"), s.Log.MaxSize)
	if s.Log.MaxSize <= 0 {
		r.expect(sub(path, "log", "maxSize"), "a size above 0", "0")
	}
}

// A publication is a port of the machine that a service takes.
type publication struct {
	Claim
	service string
}

func (r *ruler) hostPorts(s Service, path []string, taken []publication) []publication {
	for _, name := range sortedKeys(s.Ports) {
		p := s.Ports[name]
		if p.Host == "" {
			continue
		}
		at, err := netip.ParseAddrPort(p.Host)
		if err != nil || at.Port() == 0 {
			r.expect(sub(path, "ports", name, "host"), `an IP address and a port, such as "127.0.0.1:5432"`, strconv.Quote(p.Host))
			continue
		}
		mine := publication{portClaim(at, p.Protocol), s.Name}
		for _, other := range taken {
			if mine.Conflicts(other.Claim) && !r.placed.apart("services", s.Name, other.service) {
				r.fail(sub(path, "ports", name, "host"), fmt.Sprintf("service %s publishes %s already", other.service, other.Host), "publish another port of the machine")
			}
		}
		taken = append(taken, mine)
	}
	return taken
}

// cycles reports each circle of needs once, at its first service by name.
func (r *ruler) cycles() {
	done := map[string]bool{}
	for _, name := range r.site.ServiceNames() {
		r.follow(name, nil, done)
	}
}

func (r *ruler) follow(name string, road []string, done map[string]bool) {
	if i := slices.Index(road, name); i >= 0 {
		circle := append(slices.Clone(road[i:]), name)
		r.fail([]string{"services", name, "needs"}, "services wait for each other: "+strings.Join(circle, " -> "), "remove one of these needs")
		return
	}
	if done[name] {
		return
	}
	for _, need := range r.site.Services[name].Needs {
		r.follow(need, append(slices.Clone(road), name), done)
	}
	done[name] = true
}

// volumes: one service writes to a volume, unless all say that it is shared.
func (r *ruler) volumes() {
	for _, name := range r.site.VolumeNames() {
		r.labels([]string{"volumes", name, "labels"}, r.site.Volumes[name].Labels)
	}
	type mount struct {
		path []string
		of   string
	}
	alone, writers := map[string]mount{}, map[string][]mount{}
	for _, service := range r.site.ServiceNames() {
		mounts := r.site.Services[service].Volumes
		for _, at := range sortedKeys(mounts) {
			if m := mounts[at]; !m.ReadOnly {
				this := mount{[]string{"services", service, "volumes", at}, service}
				writers[m.Volume] = append(writers[m.Volume], this)
				if !m.Shared && alone[m.Volume].of == "" {
					alone[m.Volume] = this
				}
			}
		}
	}
	for _, volume := range sortedKeys(alone) {
		for _, w := range writers[volume] {
			if first := alone[volume]; w.of != first.of && !r.placed.apart("services", w.of, first.of) {
				r.fail(w.path, fmt.Sprintf("service %s writes to volume %s too, and does not share it", first.of, volume),
					"mount it read-only, or write `shared: true` in each of them")
			}
		}
	}
}
