package nginx

import (
	"maps"
	"slices"
	"strings"

	"havn.internal/spec"
)

// asked are what servers find out only about the few requests that are not plain.
// A variable that was not set is empty.
func (e *emitter) asked() {
	e.dir("uninitialized_variable_warn", raw("off"))
	// Of all that a client may switch to, only WebSocket is passed on (RFC 9110, 7.8; RFC
	// 6455): by a switch to h2c it would reach what no route leads to. Maps compare
	// without regard to case.
	for _, v := range [][2]raw{{"$havn_asked_upgrade", "websocket"}, {"$havn_asked_connection", "upgrade"}} {
		e.block(func() {
			e.dir("default", raw(`""`))
			e.dir("websocket", v[1])
		}, "map", raw("$http_upgrade"), v[0])
	}
	e.block(func() {
		e.dir("default", raw("$host"))
		e.dir(`"~*^(?<havn_asked>[^ ]+) \\k<havn_asked>(:[0-9]+)?$"`, raw("$http_host"))
	}, "map", raw(`"$host $http_host"`), raw("$havn_asked_host"))
}

// plain sets what services are told of a request in the usual case, in which it costs
// next to nothing: no map, no expression.
//
// The Host that services see is what the client sent, with its port. In a request line
// with a whole URL a client may name another host than in its header: then the one in
// the request line holds, by which nginx chose the route (RFC 9112, 3.2.2). It may name
// none at all (HTTP/1.0), which only the default server takes.
func (e *emitter) plain(isDefault bool) {
	e.dir("set", raw("$havn_host"), raw("$http_host"))
	e.block(func() { e.dir("set", raw("$havn_host"), raw("$havn_asked_host")) }, "if", raw("($http_host"), raw("!="), raw("$host)"))
	if isDefault {
		e.block(func() { e.dir("set", raw("$havn_host"), raw("$server_addr")) }, "if", raw("($havn_host"), raw("="), raw(`"")`))
	}
	e.block(func() {
		e.dir("set", raw("$havn_upgrade"), raw("$havn_asked_upgrade"))
		e.dir("set", raw("$havn_connection"), raw("$havn_asked_connection"))
	}, "if", raw("($http_upgrade)"))
}

// believed are headers that applications, frameworks and libraries take as the word of
// a proxy: who the client is, how and for what it asked, as whom it was authenticated.
// There is no proxy before this one, so what a client says there is a lie, and is
// removed. A route can set each of them.
var believed = strings.Fields(`
	Forwarded Forwarded-For Forwarded-Proto X-Forwarded X-Forwarded-By X-Forwarded-Client-Cert X-Forwarded-Context
	X-Forwarded-Method X-Forwarded-Path X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-Protocol X-Forwarded-Scheme
	X-Forwarded-Server X-Forwarded-Ssl X-Forwarded-Tls-Client-Cert X-Forwarded-Tls-Client-Cert-Info X-Forwarded-Uri
	X-Original-Forwarded-For X-Original-Host X-Original-Method X-Original-Proto X-Original-URI X-Original-URL
	X-Rewrite-URL X-Envoy-External-Address X-Envoy-Original-Path
	X-Forwarded-Access-Token X-Forwarded-Email X-Forwarded-Groups X-Forwarded-Preferred-Username X-Forwarded-User
	X-Auth-Request-Access-Token X-Auth-Request-Email X-Auth-Request-Groups X-Auth-Request-Preferred-Username X-Auth-Request-User
	Remote-Addr Remote-Email Remote-Groups Remote-Name Remote-User X-Remote-Group X-Remote-User X-WebAuth-User
	CF-Connecting-IP CF-Connecting-IPv6 CF-Pseudo-IPv4 CF-Visitor Client-IP Fastly-Client-IP Fastly-SSL Fly-Client-IP
	Proxy-Client-IP True-Client-IP WL-Proxy-Client-IP X-Appengine-User-IP X-Azure-ClientIP X-Azure-SocketIP X-Client-IP
	X-Cluster-Client-IP X-Originating-IP X-ProxyUser-IP X-Remote-Addr X-Remote-IP
	Front-End-Https X-Arr-SSL X-Scheme X-Url-Scheme X-Host X-HTTP-Host-Override
	SSL-Client-Cert SSL-Client-S-DN SSL-Client-Verify X-Arr-ClientCert X-Client-Cert X-Client-DN X-Client-Verify
	X-SSL-Cert X-SSL-Client-Cert X-SSL-Client-CN X-SSL-Client-DN X-SSL-Client-Fingerprint X-SSL-Client-I-DN
	X-SSL-Client-Issuer X-SSL-Client-NotAfter X-SSL-Client-NotBefore X-SSL-Client-S-DN X-SSL-Client-Serial X-SSL-Client-SHA1
	X-SSL-Client-Subject X-SSL-Client-Verify
	Proxy Proxy-Connection HTTP2-Settings
`)

// requestHeaders tells the service who asked and how. They overwrite what the
// client sent: this is the edge, and a client's word is not to be believed. Of the
// rest, nginx drops names with characters other than letters, digits and "-": in an
// application's environment X_Real_IP and X-Real-IP are one (RFC 3875, 4.1.18).
func (e *emitter) requestHeaders(o spec.Options) {
	own := map[string]raw{
		"Host":              "$havn_host",
		"X-Real-IP":         "$remote_addr",
		"X-Forwarded-For":   "$remote_addr",
		"X-Forwarded-Proto": "http", // there is no other listener
		"X-Forwarded-Host":  "$havn_host",
		"X-Request-ID":      `""`,
		"Connection":        `""`,
	}
	for _, name := range believed {
		own[name] = `""`
	}
	if o.RequestID {
		own["X-Request-ID"] = "$request_id"
	}
	if o.WebSocket {
		own["Upgrade"], own["Connection"] = "$havn_upgrade", "$havn_connection"
	}
	for name := range o.Headers.Request {
		for standard := range own {
			if strings.EqualFold(name, standard) {
				delete(own, standard)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		e.dir("proxy_set_header", raw(name), own[name])
	}
	for _, name := range slices.Sorted(maps.Keys(o.Headers.Request)) {
		e.dir("proxy_set_header", raw(name), text(o.Headers.Request[name]))
	}
}
