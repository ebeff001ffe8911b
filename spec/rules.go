package spec

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// A ruler checks the rules that CUE can't hold, on the entries without fault.
type ruler struct {
	site   Site
	source map[string]sourceService
	// declared are the names of all entries by kind, also of those at fault.
	declared map[string][]string
	// partial: not all of the spec could be read, so what is missing may exist.
	partial bool
	// at gives the position of a path of fields, or of its nearest parent that
	// stands in a file.
	at       func(path []string, value bool) Problem
	problems Problems
}

// fail reports a broken rule at a path of fields.
func (r *ruler) fail(path []string, what, expected string) {
	p := r.at(path, true)
	p.What, p.Expected = what, expected
	r.problems = append(r.problems, p)
}

func (r *ruler) check() {
	hostPorts := map[string]string{}
	for _, name := range r.site.ServiceNames() {
		s := r.site.Services[name]
		r.image(s)
		r.health(s)
		r.clocks(s)
		r.exclusive(s)
		r.mounts(s)
		r.needs(s)
		r.hostPorts(s, hostPorts)
		r.labels([]string{"services", name, "labels"}, s.Labels)
	}
	r.cycles()
	r.routes()
	for _, name := range r.site.VolumeNames() {
		r.labels([]string{"volumes", name, "labels"}, r.site.Volumes[name].Labels)
	}
}

func (r *ruler) image(s Service) {
	if _, err := reference.ParseDockerRef(s.Image); err != nil {
		r.fail([]string{"services", s.Name, "image"}, fmt.Sprintf("services.%s.image: %q: %v", s.Name, s.Image, err),
			`a reference such as "ghcr.io/acme/web:1.4.2"`)
	}
}

func (r *ruler) health(s Service) {
	path := []string{"services", s.Name, "health"}
	src := r.source[s.Name].Health
	var kinds []string
	for kind, set := range map[string]bool{"http": src.HTTP != nil, "tcp": src.TCP != nil, "exec": src.Exec != nil, "image": src.Image} {
		if set {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	if len(kinds) > 1 {
		r.fail(path, fmt.Sprintf("services.%s.health: %s are all set", s.Name, strings.Join(kinds, " and ")), "one of http, tcp, exec and image")
	}
	if (s.Health.Kind == HealthHTTP || s.Health.Kind == HealthTCP) && s.Health.Port == 0 {
		r.fail(append(path, string(s.Health.Kind)), fmt.Sprintf("services.%s.health.%s: there is no port to check", s.Name, s.Health.Kind),
			"a port here, or the service's own `port`")
	}
	if s.Health.Status[0] > s.Health.Status[1] {
		r.fail(append(path, "http", "status"), fmt.Sprintf("services.%s.health.http.status: the range is empty", s.Name), `LOW-HIGH, such as "200-399"`)
	}
}

func (r *ruler) clocks(s Service) {
	o, h := s.Rollout, s.Health
	path := []string{"services", s.Name, "rollout"}
	first := h.StartPeriod + Duration(h.Successes-1)*h.Interval
	if o.HealthyDeadline <= first {
		r.fail(append(path, "healthyDeadline"), fmt.Sprintf("services.%s.rollout.healthyDeadline: %s is not above health.startPeriod and the successes asked for (%s)",
			s.Name, o.HealthyDeadline, first), "a later deadline, or quicker checks")
	}
	if o.ProgressDeadline <= o.HealthyDeadline {
		r.fail(append(path, "progressDeadline"), fmt.Sprintf("services.%s.rollout.progressDeadline: %s is not above healthyDeadline (%s)",
			s.Name, o.ProgressDeadline, o.HealthyDeadline), "a later progress deadline")
	}
	for field, d := range map[string]Duration{"interval": h.Interval, "timeout": h.Timeout} {
		if d <= 0 {
			r.fail([]string{"services", s.Name, "health", field}, fmt.Sprintf("services.%s.health.%s: %s", s.Name, field, d), "more than 0s")
		}
	}
}

// exclusive: what can't run twice can't be rolled, nor have two replicas.
func (r *ruler) exclusive(s Service) {
	why := s.exclusive()
	if why == "" {
		return
	}
	if s.Rollout.Strategy != Recreate {
		r.fail([]string{"services", s.Name, "rollout", "strategy"}, fmt.Sprintf("services.%s.rollout.strategy: %q runs two replicas at once, but %s", s.Name, s.Rollout.Strategy, why),
			`"recreate", or a volume that is shared or readOnly`)
	}
	if s.Replicas > 1 {
		r.fail([]string{"services", s.Name, "replicas"}, fmt.Sprintf("services.%s.replicas: %d replicas, but %s", s.Name, s.Replicas, why), "1")
	}
}

func (r *ruler) mounts(s Service) {
	used := map[string]string{}
	claim := func(field, path string) {
		if other, taken := used[path]; taken {
			r.fail([]string{"services", s.Name, field, path}, fmt.Sprintf("services.%s.%s: %s is mounted by %s too", s.Name, field, path, other), "each path once")
		}
		used[path] = field
	}
	for _, path := range sortedKeys(s.Volumes) {
		claim("volumes", path)
		if v := s.Volumes[path].Volume; !hasKey(r.site.Volumes, v) {
			r.fail([]string{"services", s.Name, "volumes", path}, fmt.Sprintf("services.%s.volumes: there is no volume %q", s.Name, v),
				fmt.Sprintf("`volumes: %q: {}`%s", v, suggest(v, sortedKeys(r.site.Volumes))))
		}
	}
	for _, path := range sortedKeys(s.Files) {
		claim("files", path)
	}
	for _, path := range sortedKeys(s.Binds) {
		claim("binds", path)
	}
}

func hasKey[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}

func (r *ruler) needs(s Service) {
	for _, need := range s.Needs {
		if !hasKey(r.site.Services, need) {
			r.fail([]string{"services", s.Name, "needs"}, fmt.Sprintf("services.%s.needs: there is no service %q", s.Name, need),
				"the name of a service"+suggest(need, r.site.ServiceNames()))
		}
	}
}

func (r *ruler) hostPorts(s Service, taken map[string]string) {
	for _, name := range sortedKeys(s.Ports) {
		p := s.Ports[name]
		if p.Host == "" {
			continue
		}
		path := []string{"services", s.Name, "ports", name, "host"}
		if _, port, err := net.SplitHostPort(p.Host); err != nil || port == "0" {
			r.fail(path, fmt.Sprintf("services.%s.ports.%s.host: %q", s.Name, name, p.Host), `"ADDRESS:PORT", such as "127.0.0.1:5432"`)
			continue
		}
		key := p.Host + "/" + p.Protocol
		if other, twice := taken[key]; twice {
			r.fail(path, fmt.Sprintf("services.%s.ports.%s.host: %s is published by %s too", s.Name, name, p.Host, other), "each host port once")
		}
		taken[key] = "service " + s.Name
	}
}

// foreignLabel are the namespaces that other tools act on.
var foreignLabel = regexp.MustCompile(`^(havn|traefik|caddy|com\.docker|io\.docker|org\.dockerproject|com\.centurylinklabs\.watchtower)(\.|$)`)

func (r *ruler) labels(path []string, labels map[string]string) {
	for _, name := range sortedKeys(labels) {
		if foreignLabel.MatchString(name) {
			r.fail(append(path, name), fmt.Sprintf("%s: %q belongs to havn or to another tool", strings.Join(path, "."), name), "a label of your own namespace")
		}
	}
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
		r.fail([]string{"services", name, "needs"}, fmt.Sprintf("services.%s.needs: a circle: %s", name, strings.Join(circle, " -> ")), "needs without a circle")
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

func (r *ruler) routes() {
	taken := map[string]string{}
	for _, name := range r.site.RouteNames() {
		route := r.site.Routes[name]
		for _, path := range sortedKeys(route.Paths) {
			r.target(route, path)
			for _, host := range route.Hosts {
				r.claim(taken, route, host, path)
			}
		}
	}
}

func (r *ruler) claim(taken map[string]string, route Route, host, path string) {
	key := host + " " + path
	if other, twice := taken[key]; twice {
		r.fail([]string{"routes", route.Name, "paths", path}, fmt.Sprintf("routes.%s: %s%s is taken by route %s", route.Name, host, path, other),
			"each host and path once")
		return
	}
	taken[key] = route.Name
}

func (r *ruler) target(route Route, path string) {
	at := []string{"routes", route.Name, "paths", path}
	t := route.Paths[path]
	where := fmt.Sprintf("routes.%s.paths.%q", route.Name, path)
	plain := strings.TrimPrefix(path, "=")
	if plain != path && (t.Strip || t.Rewrite != "") && t.Strip && t.Rewrite != "" || t.Strip && t.Rewrite != "" {
		r.fail(at, where+": strip and rewrite are both set", "one of them")
	}
	if plain == path && path != "/" && strings.HasSuffix(path, "/") {
		r.fail(at, where+": ends with a slash", fmt.Sprintf("%q, which takes all below it too", strings.TrimRight(path, "/")))
	}
	switch {
	case (t.Service == "") == (t.Redirect == nil):
		r.fail(at, where+": has neither or both of service and redirect", "one of them")
		return
	case t.Redirect != nil:
		return
	case !hasKey(r.site.Services, t.Service):
		r.fail(append(at, "service"), fmt.Sprintf("%s.service: there is no service %q", where, t.Service),
			"the name of a service"+suggest(t.Service, r.site.ServiceNames()))
		return
	}
	s := r.site.Services[t.Service]
	if _, ok := s.PortNumber(t.Port); ok {
		return
	}
	if t.Port == "" {
		r.fail(append(at, "service"), fmt.Sprintf("%s: service %s has no `port`", where, t.Service), "a `port` in the service, or the name of one of its `ports` here")
		return
	}
	r.fail(append(at, "port"), fmt.Sprintf("%s.port: service %s has no TCP port %q", where, t.Service, t.Port),
		"the name of one of its `ports`"+suggest(t.Port, sortedKeys(s.Ports)))
}
