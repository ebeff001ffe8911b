package nginx

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// locations writes the locations of one host. What none of them takes is 404.
func (e *emitter) locations(ls []plan.Location) {
	exact := map[string]bool{}
	all := false
	for _, l := range ls {
		at := decoded(l.Path)
		exact[at] = exact[at] || l.Exact
		all = all || at == "/" && !l.Exact
	}
	for _, l := range ls {
		at := decoded(l.Path)
		switch {
		case l.Exact:
			e.location(l, "=", at)
		case at == "/":
			e.location(l, "", "/")
		default:
			below := strings.TrimSuffix(at, "/") + "/"
			if !exact[at] && below != at {
				e.location(l, "=", at)
			}
			// ^~ keeps nginx from trying regular expressions; there are none.
			e.location(l, "^~", below)
		}
	}
	if !all {
		e.block(func() { e.dir("return", raw("404")) }, "location", raw("/"))
	}
}

// location writes one location block. match is nginx's modifier, at the path as
// nginx compares it.
func (e *emitter) location(l plan.Location, match, at string) {
	args := []arg{text(at)}
	if match != "" {
		args = []arg{raw(match), text(at)}
	}
	e.block(func() {
		switch {
		case l.Target.Redirect != nil:
			e.answer(l.Target.Options)
			e.redirect(*l.Target.Redirect, l.Path)
		case len(l.Servers) == 0:
			// The client's next request may come after the next table: it is not for a
			// worker of this one.
			e.dir("keepalive_timeout", number(0))
			e.answer(l.Target.Options)
			if !spec.HasHeader(l.Target.Options.Headers.Response, "Retry-After") {
				e.dir("add_header", raw("Retry-After"), number(1), raw("always"))
			}
			e.dir("return", raw("503"))
		default:
			e.proxy(l, at)
		}
	}, "location", args...)
}

// answer is what holds for an answer of nginx's own, too: the limit of a body, which
// nginx looks at before it answers, and the headers of answers.
func (e *emitter) answer(o spec.Options) {
	e.dir("client_max_body_size", size(o.Body.Max))
	e.addHeaders(o.Headers.Response)
}

// redirect answers by itself. What is kept of the request is its raw form
// ($request_uri): the decoded one could carry a line break into the header. It
// begins with a slash or is a query, so it can't go on with the host's name
// ("/old%2F@evil.example"), nor make one of a bare slash ("/old//evil.example").
func (e *emitter) redirect(r spec.Redirect, path string) {
	if r.Keep {
		base := strings.TrimSuffix(r.To, "/")
		rest := `(?<havn_rest>([/?].*)?)`
		if base == "" {
			base, rest = "/", `/?(?<havn_rest>([^/\\].*)?)`
		}
		to, err := quote(base)
		if err != nil {
			e.err = err
			return
		}
		prefix := regexp.QuoteMeta(strings.TrimSuffix(path, "/"))
		form, err := quote("^" + prefix + rest)
		if err != nil {
			e.err = err
			return
		}
		e.block(func() {
			e.dir("return", number(r.Code), raw(strings.TrimSuffix(to, `"`)+`$havn_rest"`))
		}, "if", raw("($request_uri"), raw("~"), raw(strings.TrimSuffix(form, `"`)+`$")`))
	}
	e.dir("return", number(r.Code), text(r.To))
}

// proxy sends the request to the replicas.
func (e *emitter) proxy(l plan.Location, at string) {
	o := l.Target.Options
	e.dir("client_max_body_size", size(o.Body.Max))
	e.dir("client_body_buffer_size", size(o.Body.Buffer))
	e.dir("proxy_request_buffering", onOff(o.Body.Buffering))
	e.dir("proxy_buffering", onOff(o.Buffering))
	e.retries(l)
	e.dir("proxy_read_timeout", duration(o.Timeouts.Read))
	e.dir("proxy_send_timeout", duration(o.Timeouts.Send))
	if !o.WebSocket || o.RequestID || len(o.Headers.Request) > 0 {
		e.requestHeaders(o) // else those of the http block hold
	}
	e.responseHeaders(o.Headers.Response)
	upstream := "http://" + upstreamName(l)
	switch {
	case l.Target.Rewrite != "" && l.Exact:
		e.pass(upstream, l.Target.Rewrite)
	case l.Target.Rewrite != "":
		e.pass(upstream, rewritten(l.Target.Rewrite, at))
	case l.Target.Strip:
		e.pass(upstream, rewritten("/", at))
	default:
		e.dir("proxy_pass", raw(upstream))
	}
}

// pass sends a request on with the matched part of its path replaced
// (proxy_pass with a URI).
func (e *emitter) pass(upstream, uri string) {
	quoted, err := quote(uri)
	if err != nil {
		e.err = err
		return
	}
	e.dir("proxy_pass", raw(`"`+upstream+strings.TrimPrefix(quoted, `"`)))
}

// rewritten is what stands for the matched path: with a slash at its end exactly
// if the match has one, so that the rest fits on.
func rewritten(to, at string) string {
	to = strings.TrimSuffix(to, "/")
	if strings.HasSuffix(at, "/") || to == "" {
		return to + "/"
	}
	return to
}

func onOff(on bool) raw {
	if on {
		return "on"
	}
	return "off"
}

// responseHeaders replaces or, with an empty value, removes headers of the answer.
func (e *emitter) responseHeaders(set map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(set)) {
		e.dir("proxy_hide_header", raw(name))
	}
	e.addHeaders(set)
}

// addHeaders adds headers to answers of any status.
func (e *emitter) addHeaders(set map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if value := set[name]; value != "" {
			e.dir("add_header", raw(name), text(value), raw("always"))
		}
	}
}
