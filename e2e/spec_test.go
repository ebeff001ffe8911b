//go:build e2e

package e2e

import (
	"fmt"
	"strings"
)

// site is the text of a whole spec: services and routes put together.
func site(parts ...string) string { return strings.Join(parts, "\n") }

// svc is a service of the test server that is quick to judge. more are further
// fields; CUE unifies them with these.
func svc(name, version string, more ...string) string {
	return fmt.Sprintf(`services: %q: {
	image: "havn-hello:%s", port: 8080, env: SERVICE: %q
	health: {http: path: "/healthz", interval: "250ms", timeout: "1s", failures: 2}
	rollout: {watch: *"500ms" | string, drain: *"10s" | string}
	%s
}`, name, version, name, strings.Join(more, "\n\t"))
}

// route leads all of a host name to a service.
func route(host, service string) string {
	return fmt.Sprintf(`routes: %q: {hosts: [%q], paths: "/": service: %q}`, strings.ReplaceAll(host, ".", "-"), host, service)
}

// web is one service and its route.
func web(version string, more ...string) string {
	return site(svc("web", version, more...), route("web.test", "web"))
}
