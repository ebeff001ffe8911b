package spec

import (
	"fmt"
	"slices"
	"strings"
)

// What nginx can be told. The gateway refuses the same, and would do so only when the
// site is applied.
const (
	// longestValue is the longest value of a header, rewrite or redirect: nginx reads
	// a word of up to 4096 bytes (NGX_CONF_BUFFER), with every character escaped.
	longestValue = 2000
	// longestPath leaves room for the regular expression that a redirect with `keep`
	// makes of it.
	longestPath = 900
	// longestHeader fits the buckets of nginx's hash of headers.
	longestHeader = 128
	// leastBuffer and mostBuffer bound client_body_buffer_size: with 0 nginx can't
	// read a body, and it takes the memory for each request.
	leastBuffer, mostBuffer = 1 << 10, 1 << 30
)

// GatewayHost is the name under which the gateway says which configuration is in
// force. No route can have it.
const GatewayHost = "generation.havn.internal"

// framing are the headers that delimit messages and connections. To set them is
// to break or smuggle requests (RFC 9112, 6 and 9.6).
var framing = []string{"connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "keep-alive"}

// Framing reports whether a header, in any case, delimits messages or connections, and
// so can't be set.
func Framing(header string) bool { return slices.Contains(framing, strings.ToLower(header)) }

// HasHeader reports whether a header is set, in any case.
func HasHeader(headers map[string]string, name string) bool {
	for other := range headers {
		if strings.EqualFold(other, name) {
			return true
		}
	}
	return false
}

// gatewayOwn are headers of an answer that nginx writes itself, and would write twice.
var gatewayOwn = []string{"server", "date"}

// options checks what a route or a path of it sets itself. nginx takes a time of nothing
// for an error, or for a limit met at once.
func (r *ruler) options(at []string, o sourceOptions) {
	for _, t := range []struct {
		set  period
		path []string
	}{
		{o.Timeouts.Connect, []string{"timeouts", "connect"}}, {o.Timeouts.Read, []string{"timeouts", "read"}},
		{o.Timeouts.Send, []string{"timeouts", "send"}}, {o.Upstream.IdleTimeout, []string{"upstream", "idleTimeout"}},
	} {
		if t.set.set {
			r.above(sub(at, t.path...), t.set.d)
		}
	}
	r.unitless(sub(at, "body", "max"), o.Body.Max.bytes)
	if b := o.Body.Buffer; b.set && (b.bytes < leastBuffer || b.bytes > mostBuffer) {
		r.expect(sub(at, "body", "buffer"), `a size from "1k" to "1g"`, Count(int(b.bytes), "byte"))
	}
	r.headers(sub(at, "headers", "request"), o.Headers.Request)
	r.headers(sub(at, "headers", "response"), o.Headers.Response, gatewayOwn...)
}

func (r *ruler) headers(at []string, headers map[string]string, reserved ...string) {
	same := map[string]string{}
	for _, name := range sortedKeys(headers) {
		field, lower := sub(at, name), strings.ToLower(name)
		other, twice := same[lower]
		switch {
		case twice:
			r.fail(field, "is the same header as "+other, "remove one of them")
		case Framing(name), slices.Contains(reserved, lower):
			r.fail(field, "the gateway sets this header itself", "remove it")
		case len(name) > longestHeader:
			r.fail(field, fmt.Sprintf("the name has %d characters; nginx takes %d", len(name), longestHeader), "shorten it")
		}
		same[lower] = name
		r.short(field, headers[name], longestValue)
	}
}

// short reports a text that is too long for nginx.
func (r *ruler) short(path []string, text string, most int) {
	if len(text) > most {
		r.fail(path, fmt.Sprintf("has %d bytes; nginx takes %d", len(text), most), "shorten it")
	}
}

// An option is one field of the options of a route or path.
type option struct {
	path []string
	set  func(sourceOptions) bool
	// answers: it also holds for what the gateway answers itself, such as a redirect.
	answers bool
}

func anOption(path string, answers bool, set func(sourceOptions) bool) option {
	return option{strings.Split(path, "."), set, answers}
}

var allOptions = []option{
	anOption("upstream.keepalive", false, func(o sourceOptions) bool { return o.Upstream.Keepalive != nil }),
	anOption("upstream.idleTimeout", false, func(o sourceOptions) bool { return o.Upstream.IdleTimeout.set }),
	anOption("body.max", true, func(o sourceOptions) bool { return o.Body.Max.set }),
	anOption("body.buffer", false, func(o sourceOptions) bool { return o.Body.Buffer.set }),
	anOption("body.buffering", false, func(o sourceOptions) bool { return o.Body.Buffering != nil }),
	anOption("timeouts.connect", false, func(o sourceOptions) bool { return o.Timeouts.Connect.set }),
	anOption("timeouts.read", false, func(o sourceOptions) bool { return o.Timeouts.Read.set }),
	anOption("timeouts.send", false, func(o sourceOptions) bool { return o.Timeouts.Send.set }),
	anOption("buffering", false, func(o sourceOptions) bool { return o.Buffering != nil }),
	anOption("websocket", false, func(o sourceOptions) bool { return o.WebSocket != nil }),
	anOption("requestId", false, func(o sourceOptions) bool { return o.RequestID != nil }),
	anOption("headers.request", false, func(o sourceOptions) bool { return len(o.Headers.Request) > 0 }),
	anOption("headers.response", true, func(o sourceOptions) bool { return len(o.Headers.Response) > 0 }),
}

// idleOptions reports options that no request of the route is subject to.
func (r *ruler) idleOptions(route string, src sourceRoute, at []string) {
	services := false
	for _, p := range sortedKeys(src.Paths) {
		t, path := src.Paths[p], sub(at, "paths", p)
		services = services || t.Redirect == nil
		for _, o := range allOptions {
			if t.Redirect != nil && !o.answers && o.set(t.sourceOptions) {
				r.idle(sub(path, o.path...), "the path is a redirect, which the gateway answers")
			}
		}
		if t.Redirect != nil {
			r.removesNothing(t.Headers.Response, sub(path, "headers", "response"))
		}
		target := r.site.Routes[route].Paths[p]
		if t.Redirect == nil && t.Upstream.IdleTimeout.set && target.Options.Upstream.Keepalive == 0 {
			r.idle(sub(path, "upstream", "idleTimeout"), noPool)
		}
	}
	for _, o := range allOptions {
		if o.set(src.sourceOptions) && len(src.Paths) > 0 {
			r.idleOption(o, route, src, services, at)
		}
	}
	if !services {
		r.removesNothing(src.Headers.Response, sub(at, "headers", "response"))
	}
}

// removesNothing: an answer of the gateway's own has no header of a service's.
func (r *ruler) removesNothing(headers map[string]string, at []string) {
	for _, name := range sortedKeys(headers) {
		if headers[name] == "" {
			r.idle(sub(at, name), `"" removes a header of a service, and the gateway answers a redirect itself`)
		}
	}
}

// idleOption reports an option of the route itself that none of its paths goes by.
func (r *ruler) idleOption(o option, route string, src sourceRoute, services bool, at []string) {
	if !services && !o.answers {
		r.idle(sub(at, o.path...), "every path is a redirect, which the gateway answers")
		return
	}
	if o.path[0] == "headers" {
		return // the headers of a path are added to the route's
	}
	why := "every path sets its own"
	for p, t := range src.Paths {
		switch {
		case t.Redirect != nil && !o.answers || o.set(t.sourceOptions):
		case o.path[len(o.path)-1] == "idleTimeout" && r.site.Routes[route].Paths[p].Options.Upstream.Keepalive == 0:
			why = noPool
		default:
			return
		}
	}
	r.idle(sub(at, o.path...), why)
}

// noPool is why an idle timeout has no effect.
const noPool = "keepalive is 0, so no connection is kept"
