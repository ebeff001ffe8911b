package spec

// A Route maps host names and paths to services.
type Route struct {
	Name string `json:"name"`
	// Hosts are exact names, "*.example.no", or "_" for every name no other
	// route has.
	Hosts []string `json:"hosts"`
	// Paths maps a path to its target. A path matches itself and what lies below
	// it, at segment borders: "/api" takes /api and /api/x, never /apix. A key
	// that starts with "=" matches one path only: "=/healthz".
	Paths map[string]Target `json:"paths"`
	Options
}

// A Target is where requests for one path go: a service or a redirect.
type Target struct {
	Service string `json:"service,omitempty"`
	// Port names one of the service's further ports; "" is its main port.
	Port string `json:"port,omitempty"`
	// Strip removes the matched path before the service sees it ("/" stays).
	Strip bool `json:"strip,omitempty"`
	// Rewrite replaces the matched path by this one.
	Rewrite string `json:"rewrite,omitempty"`

	Redirect *Redirect `json:"redirect,omitempty"`
	// Options of the path; what is unset is taken from the route. Load resolves
	// it, so in a Site they are complete.
	Options Options `json:"options"`
}

// A Redirect answers in place of a service.
type Redirect struct {
	// To is a path ("/new"), or a URL with scheme and host. The rest of the
	// request's path and its query are appended if Keep is set.
	To   string `json:"to"`
	Code int    `json:"code"` // 301, 302, 307 or 308
	Keep bool   `json:"keep,omitempty"`
}

// Options are what nginx is told for a route or one path of it.
type Options struct {
	Upstream Upstream `json:"upstream"`
	Body     Body     `json:"body"`
	Timeouts Timeouts `json:"timeouts"`
	// Buffering collects the service's answer before it is sent on
	// (proxy_buffering).
	Buffering bool `json:"buffering"`
	// WebSocket passes the Upgrade handshake on.
	WebSocket bool `json:"websocket"`
	// RequestID tells the service an id that havn gives the request (X-Request-ID).
	RequestID bool    `json:"requestId,omitempty"`
	Headers   Headers `json:"headers"`
}

// Upstream tunes the connections from nginx to the replicas.
type Upstream struct {
	// Keepalive is the number of idle connections each worker keeps
	// (upstream keepalive).
	Keepalive int `json:"keepalive"`
	// IdleTimeout is when nginx closes an idle one; keep it below the service's
	// own idle timeout, so that nginx closes first (keepalive_timeout).
	IdleTimeout Duration `json:"idleTimeout"`
}

// Body bounds the request body.
type Body struct {
	Max       int64 `json:"max"`       // bytes; 0 for no limit (client_max_body_size)
	Buffer    int64 `json:"buffer"`    // bytes (client_body_buffer_size)
	Buffering bool  `json:"buffering"` // proxy_request_buffering
}

// Timeouts of one request.
type Timeouts struct {
	Connect Duration `json:"connect"` // proxy_connect_timeout
	Read    Duration `json:"read"`    // proxy_read_timeout
	Send    Duration `json:"send"`    // proxy_send_timeout
}

// Headers set on the way in and out; an empty value removes the header.
type Headers struct {
	Request  map[string]string `json:"request,omitempty"`
	Response map[string]string `json:"response,omitempty"`
}
