package spec

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A field that is accepted has an effect. Those of this file have none next to what
// else the spec says, so they are refused.

// idle reports a field that has no effect where it stands.
func (r *ruler) idle(path []string, why string) { r.fail(path, "has no effect: "+why, "remove it") }

// effects checks the fields of a service.
func (r *ruler) effects(s Service, at []string) {
	src := r.source[s.Name]
	r.idleHealth(s, src.Health, sub(at, "health"))
	rollout := sub(at, "rollout")
	switch {
	case s.Rollout.Strategy == Recreate && src.Rollout.Surge > 0:
		r.idle(sub(rollout, "surge"), `with strategy "recreate" the stale replicas stop first`)
	case s.Rollout.Strategy == BlueGreen && src.Rollout.Surge > 0:
		r.idle(sub(rollout, "surge"), `strategy "bluegreen" starts as many fresh replicas as there are stale ones`)
	}
	if src.Rollout.PullDeadline.set && s.Pull == PullNever {
		r.idle(sub(rollout, "pullDeadline"), `with pull: "never" nothing is pulled`)
	}
	if len(s.Command) == 0 && slices.Equal(s.Entrypoint, []string{""}) {
		r.fail(sub(at, "entrypoint"), "without an entrypoint Docker drops the image's command, too", "set `command`, or name the program here")
	}
	if src.Stop.Grace.set && s.Stop.Signal == "SIGKILL" {
		r.idle(sub(at, "stop", "grace"), "SIGKILL ends a process at once")
	}
	r.idleShared(s, sub(at, "volumes"))
	r.twice(s.Needs, sub(at, "needs"))
}

// idleShared: who shares a volume writes to it, wherever it is mounted.
func (r *ruler) idleShared(s Service, at []string) {
	alone := map[string]string{}
	for _, path := range sortedKeys(s.Volumes) {
		if m := s.Volumes[path]; !m.ReadOnly && !m.Shared {
			alone[m.Volume] = path
		}
	}
	for _, path := range sortedKeys(s.Volumes) {
		switch m := s.Volumes[path]; {
		case m.ReadOnly && m.Shared:
			r.idle(sub(at, path, "shared"), "it is about writers, and this mount is read-only")
		case m.Shared && alone[m.Volume] != "":
			r.idle(sub(at, path, "shared"), fmt.Sprintf("the service has volume %s for itself at %s", m.Volume, alone[m.Volume]))
		}
	}
}

// checkNames are the health checks as an error names them.
var checkNames = map[HealthKind]string{
	HealthHTTP: "the health check is an HTTP request", HealthTCP: "the health check is a TCP connection",
	HealthExec: "Docker runs the health check", HealthImage: "Docker runs the image's health check",
	HealthAuto: "without a check in the spec, a TCP connection to `port` is the health check",
}

func (r *ruler) idleHealth(s Service, src sourceHealth, at []string) {
	kind := s.Health.Kind
	if src.Settle.set && (kind != HealthAuto || s.Health.Port != 0) {
		r.idle(sub(at, "settle"), checkNames[kind])
	}
	if src.Successes > 1 && (kind == HealthExec || kind == HealthImage) {
		r.idle(sub(at, "successes"), checkNames[kind]+", and takes one success")
	}
	if src.HTTP != nil {
		r.httpCheck(*src.HTTP, sub(at, "http"))
	}
}

// httpCheck: the request can be sent, as it is written.
func (r *ruler) httpCheck(c sourceHTTPCheck, at []string) {
	if _, err := url.Parse("http://h" + c.Path); err != nil || strings.Contains(c.Path, "#") {
		r.expect(sub(at, "path"), "the path of a URL, such as \"/healthz?full=1\"", fmt.Sprintf("%q", cut(c.Path, longText)))
	}
	same := map[string]string{}
	for _, name := range sortedKeys(c.Headers) {
		field, key := sub(at, "headers", name), http.CanonicalHeaderKey(name)
		if other := same[key]; other != "" {
			r.fail(field, "is the same header as "+other, "remove one of them")
		}
		same[key] = name
		switch {
		case key == "Host":
			r.fail(field, "the Host header has a field of its own", fmt.Sprintf("write host: %q in its place", c.Headers[name]))
		case Framing(name):
			r.fail(field, "the header belongs to the connection", "remove it")
		case slices.ContainsFunc([]byte(c.Headers[name]), func(b byte) bool { return b < ' ' && b != '\t' || b == 0x7f }):
			r.fail(field, "contains a control character", "remove it")
		}
	}
}

// atLeast1ms reports a time that is set, is not 0, and is too short for Docker.
func (r *ruler) atLeast1ms(path []string, d Duration) {
	if d > 0 && d < Duration(time.Millisecond) {
		r.expect(path, "0s, or at least 1ms", d.String())
	}
}
