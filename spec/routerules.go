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
		src := r.routeSource[name]
		r.options(at, src.sourceOptions)
		r.idleOptions(name, src, at)
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
		if host == GatewayHost {
			r.fail(place, "the gateway has this name itself", "use another name")
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

func (r *ruler) target(route Route, p string, at []string) {
	t := route.Paths[p]
	r.path(p, at)
	r.options(at, r.routeSource[route.Name].Paths[p].sourceOptions)
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
	r.short(at, plain, longestPath)
	switch {
	case strings.Contains(plain, "*"):
		r.fail(at, "* is not a wildcard in a path, which takes all below it anyway", fmt.Sprintf("write %q", withoutStar(plain)))
	case strings.Contains(plain, "/:"):
		r.fail(at, "a path has no parameters; it takes all below it", fmt.Sprintf("write %q", path.Clean(plain[:strings.Index(plain, "/:")+1])))
	case strings.Contains(plain, "%"):
		r.fail(at, "an escaped character never matches: paths are compared decoded", "write the character itself")
	case plain == clean || exact && plain == clean+"/" && clean != "/":
	case plain == clean+"/" && clean != "/":
		r.fail(at, "ends with a slash", fmt.Sprintf("write %q, which takes all below it too", clean))
	default:
		r.fail(at, "never matches: the gateway removes //, . and .. from requests first", fmt.Sprintf("write %q", clean))
	}
}

// withoutStar is what a path with a wildcard most likely means: all below a directory.
func withoutStar(p string) string {
	before, _, _ := strings.Cut(p, "*")
	return path.Clean(before[:strings.LastIndexByte(before, '/')+1])
}

func (r *ruler) redirect(route Route, p string, at []string) {
	t := route.Paths[p]
	for field, set := range map[string]bool{"port": t.Port != "", "strip": t.Strip, "rewrite": t.Rewrite != ""} {
		if set {
			r.idle(sub(at, field), "the path is a redirect, which the gateway answers")
		}
	}
	to := t.Redirect.To
	r.short(sub(at, "redirect", "to"), to, longestValue)
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
	r.short(sub(at, "rewrite"), t.Rewrite, longestValue)
	switch {
	case t.Strip && t.Rewrite != "":
		r.fail(at, "strip and rewrite are both set", "remove one of them")
	case t.Strip && p == "/":
		r.idle(sub(at, "strip"), "there is nothing to take away from /")
	case t.Rewrite != "" && t.Rewrite == strings.TrimPrefix(p, "="):
		r.idle(sub(at, "rewrite"), "it is the path itself")
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
