package nginx

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"havn.internal/e2e/images"
	"havn.internal/reconciler/docker"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

var rigs atomic.Int32

// A rig is a gateway with an nginx of its own, on a loopback address of its own.
type rig struct {
	*Gateway
	t    *testing.T
	site string
	addr string
}

// newRig returns a gateway whose nginx has not been started yet.
func newRig(t *testing.T, change ...func(*Config)) *rig {
	t.Helper()
	image, err := images.Nginx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rigOf(t, image, change...)
}

func rigOf(t *testing.T, image string, change ...func(*Config)) *rig {
	t.Helper()
	n := rigs.Add(1)
	r := &rig{t: t, site: fmt.Sprintf("hn-%d-%d", os.Getpid(), n)}
	r.addr = fmt.Sprintf("127.201.%d.%d:18100", os.Getpid()%250, n)
	c := Config{Dir: filepath.Join(t.TempDir(), "nginx"), HTTP: r.addr, Log: slog.New(slog.DiscardHandler)}
	c.Process = container(t, r.site, image, c.Dir)
	for _, f := range change {
		f(&c)
	}
	r.addr = c.HTTP
	r.again(c)
	return r
}

// container is the gateway container of a site, removed after the test.
func container(t *testing.T, site, image, dir string) Process {
	t.Helper()
	engine, err := docker.New(t.Context(), docker.Config{Site: site, Subnet: netip.MustParsePrefix("10.201.0.0/24"), State: dir, NginxImage: image, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("docker", "rm", "-f", site+"-gateway").Run()
		_ = engine.Close()
	})
	return engine.Gateway(dir)
}

// again is a havn that has just been started on what the last one left.
func (r *rig) again(c Config) {
	r.t.Helper()
	g, err := New(c)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Gateway = g
}

// restart ends havn and starts another.
func (r *rig) restart() { r.t.Helper(); r.again(r.Config) }

// start brings nginx up.
func (r *rig) start() *rig {
	r.t.Helper()
	if err := r.StartGateway(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	return r
}

// set has nginx follow the locations.
func (r *rig) set(ls ...plan.Location) {
	r.t.Helper()
	if err := r.SetRoutes(r.t.Context(), table(ls...)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) observe() plan.Gateway {
	r.t.Helper()
	o, err := r.Observe(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return o
}

func (r *rig) master() int {
	r.t.Helper()
	pid, err := r.Process.Master(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return pid
}

// kill ends nginx's master, and returns when it is gone.
func (r *rig) kill() {
	r.t.Helper()
	master := r.master()
	if err := syscall.Kill(master, syscall.SIGKILL); err != nil {
		r.t.Fatal(err)
	}
	eventually(r.t, "nginx is gone", func() bool { return r.master() != master })
}

// eventually waits until something is true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for tick := time.NewTicker(5 * time.Millisecond); !is(); {
		select {
		case <-ctx.Done():
			t.Fatalf("never came true: %s", what)
		case <-tick.C:
		}
	}
}

func table(ls ...plan.Location) plan.Table {
	t := plan.Table{Locations: ls}
	t.Sort()
	return t
}

// to is a location that leads to servers, with the schema's defaults.
func to(host, path string, servers ...netip.AddrPort) plan.Location {
	return plan.Location{
		Host: host, Path: path, Route: "r", Servers: servers,
		Target: spec.Target{Service: "app", Options: spec.Options{
			Upstream:  spec.Upstream{Keepalive: 32, IdleTimeout: spec.Duration(4 * time.Second)},
			Body:      spec.Body{Max: 1 << 20, Buffer: 16 << 10, Buffering: true},
			Timeouts:  spec.Timeouts{Connect: spec.Duration(5 * time.Second), Read: spec.Duration(time.Minute), Send: spec.Duration(time.Minute)},
			Buffering: true, WebSocket: true,
		}},
	}
}

// serve runs a service and returns its address.
func serve(t *testing.T, h http.Handler) netip.AddrPort {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return netip.MustParseAddrPort(s.Listener.Addr().String())
}

// named is a service that answers with its name.
func named(t *testing.T, name string) netip.AddrPort {
	t.Helper()
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(name)) }))
}

// nobody is an address where nothing listens.
func nobody(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return netip.MustParseAddrPort(l.Addr().String())
}
