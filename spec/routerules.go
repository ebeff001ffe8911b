package spec

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// longestHost is the longest name that DNS has.
const longestHost = 253

func (r *ruler) routes() {
	taken := map[string][]string{}
	for _, name := range r.site.RouteNames() {
		route, at := r.site.Routes[name], []string{"routes", name}
		r.hosts(route, at)
		r.options(at, route.Options, nil)
		if len(route.Paths) == 0 {
			r.fail(sub(at, "paths"), "there are no paths", `add one, such as "/": service: "web"`)
		}
		for _, p := range sortedKeys(route.Paths) {
			r.target(route, p, sub(at, "paths", p))
			for _, host := range slices.Compact(slices.Sorted(slices.Values(route.Hosts))) {
				r.claim(taken, name, host, p)
			}
		}
	}
}

func (r *ruler) hosts(route Route, at []string) {
	for i, host := range route.Hosts {
		place := sub(at, "hosts", index(i))
		if slices.Index(route.Hosts, host) < i {
			r.fail(place, host+" is in the list twice", "remove one of them")
		}
		if len(host) > longestHost {
			r.fail(place, fmt.Sprintf("the name has %d characters; DNS allows %d", len(host), longestHost), "shorten it")
		}
	}
}

// claim: one host and path belong to one route.
func (r *ruler) claim(taken map[string][]string, route, host, p string) {
	key := host + " " + p
	for _, other := range taken[key] {
		if !r.placed.apart("routes", route, other) {
			r.fail([]string{"routes", route, "paths", p}, fmt.Sprintf("route %s takes %s on %s already", other, p, host), "remove one of them")
			return
		}
	}
	taken[key] = append(taken[key], route)
}

// options: nginx takes a time of nothing for an error, or for a limit met at once.
// What a path has from its route is the route's fault.
func (r *ruler) options(at []string, o Options, route *Options) {
	if route == nil {
		route = &Options{Upstream: Upstream{IdleTimeout: -1}, Timeouts: Timeouts{-1, -1, -1}}
	}
	own := func(mine, theirs Duration, path ...string) {
		if mine != theirs {
			r.above(sub(at, path...), mine)
		}
	}
	own(o.Timeouts.Connect, route.Timeouts.Connect, "timeouts", "connect")
	own(o.Timeouts.Read, route.Timeouts.Read, "timeouts", "read")
	own(o.Timeouts.Send, route.Timeouts.Send, "timeouts", "send")
	own(o.Upstream.IdleTimeout, route.Upstream.IdleTimeout, "upstream", "idleTimeout")
	r.headers(sub(at, "headers", "request"), o.Headers.Request, route.Headers.Request)
	r.headers(sub(at, "headers", "response"), o.Headers.Response, route.Headers.Response)
}

// framing are the headers that delimit messages and connections. To set them is
// to break or smuggle requests (RFC 9112, 6 and 9.6).
var framing = []string{"connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "keep-alive"}

// Framing reports whether a header, in any case, delimits messages or connections, and
// so can't be set.
func Framing(header string) bool { return slices.Contains(framing, strings.ToLower(header)) }

func (r *ruler) headers(at []string, headers, route map[string]string) {
	for _, name := range sortedKeys(headers) {
		if !hasKey(route, name) && Framing(name) {
			r.fail(sub(at, name), "the header belongs to the connection; the gateway sets it", "remove it")
		}
	}
}

func (r *ruler) target(route Route, p string, at []string) {
	t := route.Paths[p]
	r.path(p, at)
	r.options(at, t.Options, &route.Options)
	switch {
	case t.Service == "" && t.Redirect == nil:
		r.fail(at, "has no target", `add service: "NAME" or redirect: to: "URL"`)
	case t.Service != "" && t.Redirect != nil:
		r.fail(at, "has two targets, a service and a redirect", "remove one of them")
	case t.Redirect != nil:
		r.redirect(route, p, at)
	default:
		r.rewritten(t, p, at)
		r.reached(t, at)
		if r.placed.on["routes"][route.Name].apart(r.placed.on["services"][t.Service]) {
			r.fail(sub(at, "service"), fmt.Sprintf("no host of this route runs service %s", t.Service), "add a host of the service to `on`, or remove `on`")
		}
	}
}

// path: nginx compares the request's path after it has cleaned it.
func (r *ruler) path(p string, at []string) {
	plain, exact := strings.CutPrefix(p, "=")
	clean := path.Clean(plain)
	switch {
	case strings.Contains(plain, "%"):
		r.fail(at, "an escaped character never matches: paths are compared decoded", "write the character itself")
	case plain == clean || exact && plain == clean+"/":
	case plain == clean+"/":
		r.fail(at, "ends with a slash", fmt.Sprintf("write %q, which takes all below it too", clean))
	default:
		r.fail(at, "never matches: the gateway removes //, . and .. from requests first", fmt.Sprintf("write %q", clean))
	}
}

func (r *ruler) redirect(route Route, p string, at []string) {
	t := route.Paths[p]
	for field, set := range map[string]bool{"port": t.Port != "", "strip": t.Strip, "rewrite": t.Rewrite != ""} {
		if set {
			r.fail(sub(at, field), "has no effect on a redirect", "remove it")
		}
	}
	to := t.Redirect.To
	if t.Redirect.Keep && strings.ContainsAny(to, "?#") {
		r.fail(sub(at, "redirect", "to"), "nothing can be appended after ? or #", "remove them, or `keep`")
	}
	bare, _, _ := strings.Cut(to, "?")
	bare, _, _ = strings.Cut(bare, "#")
	if strings.HasPrefix(to, "/") && longestMatch(route.Paths, bare) == p {
		r.fail(sub(at, "redirect", "to"), fmt.Sprintf("%q leads to this redirect again", to), "redirect to a path that another target takes")
	}
}

// longestMatch is the path of the route that takes a request, "" if none does.
func longestMatch(paths map[string]Target, request string) string {
	if hasKey(paths, "="+request) {
		return "=" + request
	}
	best := ""
	for p := range paths {
		below := strings.TrimSuffix(p, "/") + "/"
		if !strings.HasPrefix(p, "=") && (request == p || strings.HasPrefix(request, below)) && len(p) > len(best) {
			best = p
		}
	}
	return best
}

func (r *ruler) rewritten(t Target, p string, at []string) {
	switch {
	case t.Strip && t.Rewrite != "":
		r.fail(at, "strip and rewrite are both set", "remove one of them")
	case t.Strip && strings.HasPrefix(p, "="):
		r.fail(sub(at, "strip"), "nothing is left of a path that is matched exactly", `write rewrite: "/" in its place`)
	}
}

// reached: the service is there and listens.
func (r *ruler) reached(t Target, at []string) {
	if r.missing("services", t.Service, sub(at, "service")) {
		return
	}
	s, ok := r.site.Services[t.Service]
	if !ok {
		return // its own faults have been reported
	}
	if _, ok := s.PortNumber(t.Port); ok {
		return
	}
	if hasKey(s.Ports, t.Port) {
		r.fail(sub(at, "port"), fmt.Sprintf("port %s of service %s is UDP", t.Port, t.Service), "name a TCP port")
		return
	}
	if t.Port == "" {
		r.fail(sub(at, "service"), fmt.Sprintf("service %s has no `port`", t.Service), "set `port` in the service, or name one of its `ports` here")
		return
	}
	do := suggest(t.Port, sortedKeys(s.Ports))
	if do == "" {
		do = "name one of its `ports`"
	}
	r.fail(sub(at, "port"), fmt.Sprintf("service %s has no TCP port %q", t.Service, t.Port), do)
}
