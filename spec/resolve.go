package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"
)

// Defaults of what a spec may leave out. They are applied here and not in the
// schema, so that a template of the user's may set any of them.
const (
	defaultPids     = 512
	defaultInterval = 2 * time.Second
	defaultTimeout  = 2 * time.Second
	defaultFailures = 3
	defaultSettle   = time.Second
	defaultWatch    = 10 * time.Second
	defaultDrain    = 30 * time.Second
	defaultPull     = 10 * time.Minute
	defaultHealthy  = time.Minute
	defaultProgress = 5 * time.Minute
	defaultGrace    = 10 * time.Second
	defaultLogSize  = 10 << 20
	defaultLogFiles = 3
	defaultBody     = 1 << 20
	defaultBuffer   = 16 << 10
	defaultConnect  = 5 * time.Second
	defaultRead     = 60 * time.Second
	defaultIdle     = 4 * time.Second
	defaultPool     = 32
	defaultRedirect = 308
)

// resolveService fills in a service's defaults.
func resolveService(name string, src sourceService) Service {
	s := Service{
		Name: name, Image: src.Image, Pull: PullPolicy(orDefault(src.Pull, string(PullMissing))), Replicas: 1,
		Command: src.Command, Entrypoint: src.Entrypoint, User: src.User, Workdir: src.Workdir,
		Init: resolveInit(src.Init), Hostname: src.Hostname,
		Port: src.Port, Binds: src.Binds, Needs: src.Needs, Labels: src.Labels,
		Resources: Resources{
			NanoCPUs: int64(math.Round(src.Resources.CPUs * 1e9)), Memory: src.Resources.Memory.bytes,
			Pids: orDefault(src.Resources.Pids, defaultPids),
		},
		Stop: Stop{Signal: src.Stop.Signal, Grace: src.Stop.Grace.or(defaultGrace)},
		Log:  Log{MaxSize: src.Log.MaxSize.or(defaultLogSize), MaxFiles: orDefault(src.Log.MaxFiles, defaultLogFiles)},
	}
	if src.Replicas != nil {
		s.Replicas = *src.Replicas
	}
	s.Env = mapValues(src.Env, func(v scalar) string { return string(v) })
	s.Files = mapValues(src.Files, resolveFile)
	s.Ports = mapValues(src.Ports, func(p sourcePort) Port {
		return Port{Port: p.Port, Protocol: orDefault(p.Protocol, "tcp"), Host: p.Host}
	})
	s.Volumes = mapValues(src.Volumes, func(m sourceMount) VolumeMount {
		return VolumeMount{Volume: m.Volume, ReadOnly: m.ReadOnly, Shared: m.Shared}
	})
	s.Security = Security{
		ReadOnlyRoot: src.Security.ReadOnlyRoot, CapAdd: src.Security.CapAdd, CapDrop: src.Security.CapDrop,
		Tmpfs: mapValues(src.Security.Tmpfs, func(z size) int64 { return z.bytes }),
	}
	s.Health = resolveHealth(src.Health, src.Port)
	s.Rollout = resolveRollout(src.Rollout, s)
	return s
}

// Bare is the service that a spec describes which names no more than a port, 0 for none:
// each field has its default.
func Bare(name string, port int) Service { return resolveService(name, sourceService{Port: port}) }

func mapValues[K comparable, A, B any](m map[K]A, f func(A) B) map[K]B {
	if len(m) == 0 {
		return nil
	}
	out := make(map[K]B, len(m))
	for k, v := range m {
		out[k] = f(v)
	}
	return out
}

func resolveFile(f sourceFile) File {
	mode := uint64(0o444)
	if f.Mode != "" {
		// The schema has let nothing but three octal digits pass.
		mode, _ = strconv.ParseUint(f.Mode, 8, 32)
	}
	sum := sha256.Sum256([]byte(f.Content))
	return File{Content: f.Content, SHA256: hex.EncodeToString(sum[:]), Mode: uint32(mode)}
}

func resolveInit(src *bool) Init {
	switch {
	case src == nil:
		return InitAuto
	case *src:
		return InitOn
	}
	return InitOff
}

func resolveHealth(src sourceHealth, port int) Health {
	own := ImageCheck{
		Interval: src.Interval.or(0), Timeout: src.Timeout.or(0), Failures: src.Failures, StartPeriod: src.StartPeriod.or(0),
	}
	if src.Image {
		// havn makes no check of its own, so it has no timing.
		src.Interval, src.Timeout, src.Failures, src.StartPeriod = period{}, period{}, 0, period{}
	}
	h := Health{
		Kind: HealthAuto, Interval: src.Interval.or(defaultInterval), Timeout: src.Timeout.or(defaultTimeout),
		Successes: orDefault(src.Successes, 1), Failures: orDefault(src.Failures, defaultFailures),
		StartPeriod: src.StartPeriod.or(0), Settle: src.Settle.or(defaultSettle),
	}
	switch {
	case src.HTTP != nil:
		c := src.HTTP
		h.Kind, h.Path, h.Host, h.Headers = HealthHTTP, c.Path, c.Host, c.Headers
		h.Port, h.Status = orDefault(c.Port, port), statusRange(string(c.Status))
	case src.TCP != nil:
		h.Kind, h.Port = HealthTCP, orDefault(src.TCP.Port, port)
	case src.Exec != nil:
		h.Kind, h.Command = HealthExec, src.Exec.Command
	case src.Image:
		h.Kind = HealthImage
	default:
		h.Port = port
	}
	if h.Kind == HealthImage || h.Kind == HealthAuto {
		h.Image = own
	}
	return h
}

// statusRange reads "204" or "200-399".
func statusRange(s string) [2]int {
	if s == "" {
		return [2]int{200, 399}
	}
	low, high, isRange := strings.Cut(s, "-")
	a, _ := strconv.Atoi(low)
	if !isRange {
		return [2]int{a, a}
	}
	b, _ := strconv.Atoi(high)
	return [2]int{a, b}
}

// resolveRollout chooses the strategy. A service that can't run twice is replaced
// stop-first, and Forced says why.
func resolveRollout(src sourceRollout, s Service) Rollout {
	r := Rollout{
		Strategy: Strategy(src.Strategy), Surge: src.Surge,
		Watch: src.Watch.or(defaultWatch), Drain: src.Drain.or(defaultDrain),
		PullDeadline: src.PullDeadline.or(defaultPull), HealthyDeadline: src.HealthyDeadline.or(defaultHealthy),
		ProgressDeadline: src.ProgressDeadline.or(defaultProgress), OnFailure: OnFailure(orDefault(src.OnFailure, string(RollBack))),
	}
	if r.Strategy == "" {
		r.Strategy = Rolling
		if why := s.Exclusive(); why != "" {
			r.Strategy, r.Forced = Recreate, why
		}
	}
	switch r.Strategy {
	case Recreate:
		r.Surge = 0
	case BlueGreen:
		r.Surge = max(r.Surge, s.Replicas)
	default:
		r.Surge = max(r.Surge, 1)
	}
	return r
}

// Exclusive is why two replicas can't run at once, "" if they can.
func (s Service) Exclusive() string {
	for _, name := range sortedKeys(s.Ports) {
		if p := s.Ports[name]; p.Host != "" {
			return "port " + name + " is published on the host at " + p.Host
		}
	}
	for _, path := range sortedKeys(s.Volumes) {
		if v := s.Volumes[path]; !v.ReadOnly && !v.Shared {
			return "volume " + v.Volume + " has one writer"
		}
	}
	return ""
}

// resolveRoute fills in a route's defaults, and each path's from the route.
func resolveRoute(name string, src sourceRoute) Route {
	r := Route{Name: name, Hosts: src.Hosts, Paths: map[string]Target{}}
	r.Options = src.over(Options{
		Upstream:  Upstream{Keepalive: defaultPool, IdleTimeout: Duration(defaultIdle)},
		Body:      Body{Max: defaultBody, Buffer: defaultBuffer, Buffering: true},
		Timeouts:  Timeouts{Connect: Duration(defaultConnect), Read: Duration(defaultRead), Send: Duration(defaultRead)},
		Buffering: true, WebSocket: true,
	})
	for path, t := range src.Paths {
		target := Target{Service: t.Service, Port: t.Port, Strip: t.Strip, Rewrite: t.Rewrite, Options: t.over(r.Options)}
		if t.Redirect != nil {
			target.Redirect = &Redirect{To: t.Redirect.To, Code: orDefault(t.Redirect.Code, defaultRedirect), Keep: t.Redirect.Keep}
		}
		r.Paths[path] = target
	}
	return r
}

// over returns base with what the source sets.
func (src sourceOptions) over(base Options) Options {
	o := base
	if src.Upstream.Keepalive != nil {
		o.Upstream.Keepalive = *src.Upstream.Keepalive
	}
	o.Upstream.IdleTimeout = src.Upstream.IdleTimeout.or(o.Upstream.IdleTimeout.Std())
	o.Body.Max = src.Body.Max.or(o.Body.Max)
	o.Body.Buffer = src.Body.Buffer.or(o.Body.Buffer)
	o.Body.Buffering = boolOr(src.Body.Buffering, o.Body.Buffering)
	o.Timeouts = Timeouts{
		Connect: src.Timeouts.Connect.or(o.Timeouts.Connect.Std()),
		Read:    src.Timeouts.Read.or(o.Timeouts.Read.Std()),
		Send:    src.Timeouts.Send.or(o.Timeouts.Send.Std()),
	}
	o.Buffering = boolOr(src.Buffering, o.Buffering)
	o.WebSocket = boolOr(src.WebSocket, o.WebSocket)
	o.RequestID = boolOr(src.RequestID, o.RequestID)
	o.Headers = Headers{
		Request:  merged(base.Headers.Request, src.Headers.Request),
		Response: merged(base.Headers.Response, src.Headers.Response),
	}
	return o
}

func boolOr(b *bool, otherwise bool) bool {
	if b != nil {
		return *b
	}
	return otherwise
}

// merged are the headers of a route with those of a path over them. Their names have
// no case (RFC 9110, 5.1).
func merged(base, over map[string]string) map[string]string {
	if len(base)+len(over) == 0 {
		return nil
	}
	out := maps.Clone(base)
	if out == nil {
		out = map[string]string{}
	}
	for name := range over {
		maps.DeleteFunc(out, func(other, _ string) bool { return strings.EqualFold(other, name) })
	}
	maps.Copy(out, over)
	return out
}
