package docker_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"

	"havn.internal/reconciler/docker"
)

// A verdict is what the proxy makes of a request.
type verdict int

const (
	pass verdict = iota
	hang         // swallow the request
	fail         // answer 500
	lose         // carry it out and drop the answer
	cut          // drop the connection
)

// A proxy stands between havn and the engine, counts the calls, and lets those
// go wrong that the test names.
type proxy struct {
	socket string
	server *httptest.Server
	gone   chan struct{}

	mu    sync.Mutex
	calls []string
	rules []rule
	// streams are the event streams that are open.
	streams map[*http.Request]context.CancelFunc
}

type rule struct {
	pattern *regexp.Regexp
	verdict verdict
	// times is how often it holds; less than 0 for always.
	times int
	// before is done before the call is passed on.
	before func()
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	target, err := url.Parse(api.DaemonHost())
	if err != nil {
		t.Fatal(err)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, target.Scheme, target.Host+target.Path)
	}
	forward := &httputil.ReverseProxy{
		Director:      func(r *http.Request) { r.URL.Scheme, r.URL.Host = "http", "docker" },
		Transport:     &http.Transport{DialContext: dial},
		FlushInterval: -1,
	}
	p := &proxy{socket: filepath.Join(t.TempDir(), "docker.sock"), gone: make(chan struct{}), streams: map[*http.Request]context.CancelFunc{}}
	p.listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, forward) }))
	t.Cleanup(func() {
		close(p.gone)
		p.cutStreams()
		p.server.Close()
	})
	return p
}

func (p *proxy) listen(t *testing.T, h http.Handler) {
	t.Helper()
	listener, err := net.Listen("unix", p.socket)
	if err != nil {
		t.Fatal(err)
	}
	p.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: h}}
	p.server.Start()
}

// site is a site whose engine is asked by way of the proxy.
func (p *proxy) site(t *testing.T) *site {
	t.Helper()
	return newSite(t, func(c *docker.Config) { c.Host = "unix://" + p.socket })
}

func (p *proxy) serve(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	switch p.judge(r.Method + " " + r.URL.Path) {
	case hang:
		select {
		case <-p.gone:
		case <-r.Context().Done():
		}
	case fail:
		http.Error(w, `{"message":"the engine has trouble"}`, http.StatusInternalServerError)
	case lose:
		forward.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case cut:
		panic(http.ErrAbortHandler)
	default:
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		r = r.WithContext(ctx)
		if regexp.MustCompile(`/events$`).MatchString(r.URL.Path) {
			p.mu.Lock()
			p.streams[r] = cancel
			p.mu.Unlock()
		}
		forward.ServeHTTP(w, r)
	}
}

// judge counts a call and finds what is to become of it.
func (p *proxy) judge(call string) verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, regexp.MustCompile(`/v[0-9.]+/`).ReplaceAllString(call, "/"))
	for i, r := range p.rules {
		if r.times != 0 && r.pattern.MatchString(call) {
			p.rules[i].times--
			if r.before != nil {
				r.before()
			}
			return r.verdict
		}
	}
	return pass
}

// on lets the next calls that match the pattern go wrong, all if times is less
// than 0.
func (p *proxy) on(pattern string, v verdict, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append([]rule{{regexp.MustCompile(pattern), v, times, nil}}, p.rules...)
}

// before does something before the next call that matches the pattern.
func (p *proxy) before(pattern string, do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, rule{regexp.MustCompile(pattern), pass, 1, do})
}

func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = nil
}

// take returns the calls since the last time.
func (p *proxy) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := slices.Clone(p.calls)
	p.calls = nil
	return calls
}

// cutStreams ends the event streams.
func (p *proxy) cutStreams() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for r, cancel := range p.streams {
		cancel()
		delete(p.streams, r)
	}
}
