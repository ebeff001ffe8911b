package nginx

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Settings are what the configuration depends on besides the table.
type Settings struct {
	// Dir is nginx's directory; pid, error log and temporary files lie there.
	Dir string
	// Listen are the addresses of the HTTP listener, in the one form they are
	// always written in: nginx can't change the form of a listener in place.
	Listen []string
	// Local are the addresses of this machine that may ask for the generation.
	Local []netip.Addr
	// MinTimeout: nginx knows keepalive_min_timeout (1.27.4).
	MinTimeout bool
	// ShutdownTimeout is when an old worker cuts the connections it still has
	// (worker_shutdown_timeout).
	ShutdownTimeout time.Duration
	// AccessLog is the file that requests are logged to; empty for none.
	AccessLog string
	// OpenFiles is how many files the system lets a process of nginx open, 0 if it is
	// not known: a worker that asks for more is refused, and keeps what it has
	// (worker_rlimit_nofile, setrlimit(2)).
	OpenFiles int
	// Key is what marks of generations are made with; see markOf.
	Key []byte
}

// What a worker may open: a request needs two, one to each side.
const (
	maxFiles       = 65536
	maxConnections = 16384
)

func (s Settings) files() int {
	if s.OpenFiles <= 0 {
		return maxFiles
	}
	return min(s.OpenFiles, maxFiles)
}

// generationHost is the private name under which nginx says its generation, on
// the same listener that serves the site.
const generationHost = "generation.havn.internal"

// keepaliveMin is how long an idle client connection survives the start of its
// worker's end: longer than a round trip, so that a request under way on it is
// answered and not reset (keepalive_min_timeout).
const keepaliveMin = 5 * time.Second

// What a client may send, and a service answer: a header line and the request line
// each, and all headers of an answer, fit in maxHeader (large_client_header_buffers,
// proxy_buffer_size). headerTime is how long a client may take to send its headers
// (client_header_timeout).
const (
	maxHeader  = 32 << 10
	headerTime = 20 * time.Second
)

// Render writes the configuration of a table: a pure function, byte for byte.
// The error is about the first location that can't be written.
func Render(s Settings, t plan.Table, generation int) ([]byte, error) {
	if err := checkTable(t); err != nil {
		return nil, err
	}
	e := &emitter{}
	e.dir("pid", text(filepath.Join(s.Dir, "nginx.pid")))
	e.dir("error_log", text(filepath.Join(s.Dir, "error.log")), raw("warn"))
	e.dir("worker_processes", raw("auto"))
	e.dir("worker_rlimit_nofile", number(s.files()))
	e.dir("worker_shutdown_timeout", duration(s.ShutdownTimeout))
	e.block(func() { e.dir("worker_connections", number(min(maxConnections, s.files()))) }, "events")
	e.block(func() {
		e.base(s, t)
		e.upstreams(t)
		e.generation(s, t, generation)
		e.servers(s, t)
	}, "http")
	return []byte(e.b.String()), e.err
}

// base is what holds for every request.
func (e *emitter) base(s Settings, t plan.Table) {
	e.dir("default_type", raw("application/octet-stream"))
	e.dir("server_tokens", raw("off"))
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		e.dir(kind+"_temp_path", text(filepath.Join(s.Dir, "tmp", kind)))
	}
	e.accessLog(s, t)
	e.dir("sendfile", raw("on"))
	e.dir("tcp_nodelay", raw("on"))
	e.dir("keepalive_timeout", duration(65*time.Second))
	e.dir("keepalive_requests", number(10000))
	if s.MinTimeout {
		e.dir("keepalive_min_timeout", duration(keepaliveMin))
	}
	e.dir("server_names_hash_max_size", number(16384))
	e.dir("server_names_hash_bucket_size", number(512))
	e.dir("proxy_headers_hash_max_size", number(2048))
	e.dir("proxy_headers_hash_bucket_size", number(256))
	e.dir("client_header_timeout", duration(headerTime))
	e.dir("large_client_header_buffers", number(4), size(maxHeader))
	e.asked()
	e.block(func() {
		e.dir("default", raw("0"))
		for _, a := range s.Local {
			e.dir(a.String(), raw("1"))
		}
	}, "geo", raw("$havn_local"))
	e.dir("proxy_http_version", raw("1.1"))
	e.dir("proxy_buffer_size", size(maxHeader))
	e.dir("proxy_buffers", number(8), raw("16k"))
	// A client that reads slowly must not fill the disk with answers: beyond this the
	// service waits for it.
	e.dir("proxy_max_temp_file_size", raw("64m"))
	// A service must not have nginx answer with another location's content.
	e.dir("proxy_ignore_headers", raw("X-Accel-Redirect"))
	// A redirect without a host holds behind any port mapping.
	e.dir("absolute_redirect", raw("off"))
	e.dir("proxy_next_upstream", raw("error"), raw("timeout"))
	e.requestHeaders(spec.Options{WebSocket: true})
}

// accessLog has an id in each line if a route asks for ids: one that no service was told
// is of no use, and it costs random bytes.
func (e *emitter) accessLog(s Settings, t plan.Table) {
	if s.AccessLog == "" {
		e.dir("access_log", raw("off"))
		return
	}
	id := raw("")
	if slices.ContainsFunc(t.Locations, func(l plan.Location) bool { return l.Target.Options.RequestID }) {
		id = `"id":"$request_id",`
	}
	e.dir("log_format", raw("havn"), raw("escape=json"), raw(`'{"time":"$time_iso8601",`+id+
		`"client":"$remote_addr","host":"$host","method":"$request_method","uri":"$request_uri","status":$status,`+
		`"bytes":$body_bytes_sent,"seconds":$request_time,"upstream":"$upstream_addr",`+
		`"upstream_status":"$upstream_status","upstream_seconds":"$upstream_response_time","agent":"$http_user_agent"}'`))
	e.dir("access_log", text(s.AccessLog), raw("havn"), raw("buffer=64k"), raw("flush=1s"))
}

// generation is the answer to the question which configuration is in force. It is
// for this machine only; `return` runs before allow and deny, hence the geo.
func (e *emitter) generation(s Settings, t plan.Table, generation int) {
	e.block(func() {
		e.listen(s, "")
		e.dir("server_name", raw(generationHost))
		e.dir("access_log", raw("off"))
		e.dir("keepalive_timeout", raw("0"))
		e.block(func() { e.dir("return", raw("404")) }, "if", raw("($havn_local"), raw("="), raw("0)"))
		e.block(func() {
			e.dir("default_type", raw("text/plain"))
			e.dir("return", raw("200"), raw(fmt.Sprintf(`"%d %s"`, generation, markOf(s.Key, t, generation))))
		}, "location", raw("="), raw("/generation"))
		e.block(func() { e.dir("return", raw("404")) }, "location", raw("/"))
	}, "server")
}

func (e *emitter) listen(s Settings, option string) {
	for _, l := range s.Listen {
		args := []arg{raw(l)}
		if option != "" {
			args = append(args, raw(option))
		}
		e.dir("listen", args...)
	}
}
