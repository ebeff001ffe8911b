package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/spf13/pflag"

	"havn.internal/gitops/hold"
	"havn.internal/reconciler"
	"havn.internal/reconciler/docker"
	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/nginx"
	"havn.internal/reconciler/plan"
	"havn.internal/reconciler/probe"
	"havn.internal/spec"
)

// A machine is what belongs to this machine and not to the spec. Every command
// that looks at the host has the same flags for it.
type machine struct {
	site, state, http, https string
	docker, subnet           string
	gateway                  string
	nginxImage, nginxBinary  string
	accessLog                bool
	allowBind                []string
	allowCapability          []string
	allowPublish             []string
	adoptVolume              []string
	// keepCapabilities and limits are what only a host file says of a policy.
	keepCapabilities []string
	limits           spec.Limits
	// retention says which images stay.
	retention plan.Retention
	self      identity
	log       logFlags
	// hostFile names the file that the flags which are not given are taken from,
	// file is what it says, set is where they are.
	hostFile string
	file     hostFile
	// taken are the flags that were taken over from the last run or apply.
	taken map[string]string
	// calendar says when new revisions may come; only a host file has one.
	calendar hold.Calendar
	set      *pflag.FlagSet
}

func (m *machine) flags(f *pflag.FlagSet) {
	m.set = f
	under(f, machineFlags, m.own)
	under(f, "Flags of the log", m.log.flags)
}

func (m *machine) own(f *pflag.FlagSet) {
	f.StringVar(&m.state, "state", "/var/lib/havn", "havn's own `DIR`; one for each havn on a machine")
	f.StringVar(&m.hostFile, "host", "", "host `FILE` that says what is not said here ("+usualHostFile+", if it is there)")
	f.StringVar(&m.docker, "docker", "", "`URL` of Docker Engine, such as unix:///run/docker.sock ($DOCKER_HOST, or the usual socket)")
	f.StringVar(&m.site, "site", "", "`NAME` of the site: of its network, and in the labels of all that is its own (the last part of --state)")
	f.StringVar(&m.http, "http", ":80", "serve HTTP on `ADDRESS`, :PORT or IP:PORT")
	f.StringVar(&m.https, "https", ":443", "kept for TLS, which is not served yet; `ADDRESS` as of --http")
	f.StringVar(&m.subnet, "subnet", "", "the site's network, an IPv4 `PREFIX` of 8 to 28 bits (one in 10.0.0.0/8 that follows from the site's name)")
	m.self.flags(f, "its hostname")
	f.StringSliceVar(&m.allowBind, "allow-bind", nil, "let specs mount `DIR` of this machine and what is below it, read-only; may be given several times")
	f.StringSliceVar(&m.allowCapability, "allow-capability", nil, "let specs add the capability `NAME` to what replicas usually have, or ALL; may be given several times")
	f.StringSliceVar(&m.allowPublish, "allow-publish", nil, "let specs publish `ADDRESS:PORTS` beside ports of loopback, such as 203.0.113.7:5432, *:8000-8099 or 0.0.0.0:*; may be given several times")
	f.StringSliceVar(&m.adoptVolume, "adopt-volume", nil, "use the existing volume of the site's `NAME`, which havn did not make; may be given several times")
	f.StringVar(&m.gateway, "gateway", "container", "`WHERE` nginx runs: in a container of havn's, or on the host (with --nginx-binary)")
	f.StringVar(&m.nginxImage, "nginx-image", "nginx:1.30", "`IMAGE` of the gateway; nginx 1.28 or newer loses no request at a reload")
	f.StringVar(&m.nginxBinary, "nginx-binary", "nginx", "`FILE` of the host's nginx, for --gateway host; to start it after a reboot is the init system's part")
	f.BoolVar(&m.accessLog, "access-log", false, "have the gateway log requests to nginx/access.log in the state directory; the file is bounded while havn runs")
}

// siteForm keeps a site's name usable as a Docker network and container name.
var siteForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

// complete reads the host file, checks the flags and fills in what follows from
// others.
func (m *machine) complete() error {
	if err := m.readHostFile(); err != nil {
		return err
	}
	return m.file.blame(m.derive())
}

// derive checks the flags and fills in what follows from others.
func (m *machine) derive() error {
	state, err := filepath.Abs(m.state)
	if err == nil {
		err = m.readRetention()
	}
	if err != nil {
		return err
	}
	m.state = state
	if m.site == "" {
		m.site = filepath.Base(m.state)
	}
	if !siteForm.MatchString(m.site) {
		return fmt.Errorf("site %q: want up to 31 small letters, digits and -; --site names it", m.site)
	}
	if m.subnet == "" {
		m.subnet = subnetOf(m.site).String()
	}
	if _, err := m.prefix(); err != nil {
		return err
	}
	if err := m.self.complete(); err != nil {
		return err
	}
	if m.gateway != "container" && m.gateway != "host" {
		return fmt.Errorf("--gateway %q: want container or host", m.gateway)
	}
	if err := nginx.CheckAddress(m.http); err != nil {
		return fmt.Errorf("--http %w", err)
	}
	if err := m.log.check(); err != nil {
		return err
	}
	if _, _, err := net.SplitHostPort(m.https); err != nil {
		return fmt.Errorf("--https %q: want :PORT or IP:PORT", m.https)
	}
	return m.checkPolicy()
}

// completeFrom is complete for the commands that take over flags of the last run or
// apply: those that neither the command line nor the host file gives.
func (m *machine) completeFrom(f *pflag.FlagSet, names ...string) error {
	if err := m.readHostFile(); err != nil {
		return err
	}
	if err := m.recall(f, names...); err != nil {
		return err
	}
	return m.file.blame(m.derive())
}

func (m *machine) prefix() (netip.Prefix, error) {
	p, err := netip.ParsePrefix(m.subnet)
	if err != nil || !p.Addr().Is4() || p.Bits() < 8 || p.Bits() > 28 {
		return p, fmt.Errorf("--subnet %q: want an IPv4 prefix of 8 to 28 bits, such as 10.83.0.0/22", m.subnet)
	}
	return p.Masked(), nil
}

// subnetOf gives each site a network of its own: 1,024 addresses in
// 10.64.0.0-10.191.255.255, away from Docker's default pools.
func subnetOf(site string) netip.Prefix {
	h := fnv.New32a()
	_, _ = h.Write([]byte(site))
	n := h.Sum32()
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(64 + n%128), byte(n>>8) &^ 3, 0}), 22)
}

// A host is the machine's parts, opened and wired.
type host struct {
	*reconciler.Reconciler
	engine  *docker.Engine
	gateway *nginx.Gateway
	prober  *probe.Prober
	journal *journal.Journal
	log     *slog.Logger
}

// open takes the state directory and connects to the engine. It changes nothing
// on the host.
func (m *machine) open(ctx context.Context, log *slog.Logger, prune bool) (*host, error) {
	if err := makeState(m.state); err != nil {
		return nil, err
	}
	j, err := journal.Open(m.state, log)
	if err != nil {
		return nil, err
	}
	return m.connected(ctx, &host{journal: j, log: log}, prune, false)
}

// look is open for commands that only look: it takes nothing, and makes and changes nothing
// on disk either.
func (m *machine) look(ctx context.Context, log *slog.Logger, prune bool) (*host, error) {
	j, err := journal.Look(m.state, log)
	if err != nil {
		return nil, err
	}
	known, err := m.remembered()
	if err != nil {
		return nil, err
	}
	// nginx is looked for where it is, wherever it is to be.
	as := *m
	if known["http"] != "" && known["site"] == m.site {
		as.http = known["http"]
	}
	return as.connected(ctx, &host{journal: j, log: log}, prune, true)
}

func (m *machine) connected(ctx context.Context, h *host, prune, looks bool) (*host, error) {
	if err := h.connect(ctx, m, prune, looks); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func (h *host) connect(ctx context.Context, m *machine, prune, looks bool) (err error) {
	if h.engine, err = m.engine(ctx, h.log); err != nil {
		return err
	}
	if err := h.engine.CheckOwner(ctx); err != nil {
		return err
	}
	dir := filepath.Join(m.state, "nginx")
	process, err := m.process(h.engine, dir)
	if err != nil {
		return err
	}
	h.gateway, err = nginx.New(nginx.Config{Dir: dir, HTTP: m.http, Process: process, AccessLog: m.accessLog, Log: h.log, Looks: looks})
	if err != nil {
		return err
	}
	h.prober = probe.New(func() { h.Wake() })
	h.Reconciler = reconciler.New(reconciler.Config{
		Site: m.site, Engine: h.engine, Gateway: h.gateway, Prober: h.prober, Journal: h.journal, Log: h.log, Prune: prune,
		Retention: m.retention,
	})
	return nil
}

// engine connects to Docker; it needs no state.
func (m *machine) engine(ctx context.Context, log *slog.Logger) (*docker.Engine, error) {
	subnet, err := m.prefix()
	if err != nil {
		return nil, err
	}
	return docker.New(ctx, docker.Config{
		Host: m.docker, Site: m.site, Subnet: subnet, State: m.state,
		Policy: m.policy(), AdoptVolumes: m.adoptVolume, NginxImage: m.nginxImage, Log: log,
	})
}

// process is the nginx to drive.
func (m *machine) process(e *docker.Engine, dir string) (nginx.Process, error) {
	if m.gateway == "container" {
		return e.Gateway(dir), nil
	}
	path, err := exec.LookPath(m.nginxBinary)
	if err != nil {
		return nil, fmt.Errorf("--gateway host: %w; install nginx, or name it with --nginx-binary", err)
	}
	return nginx.Binary{Path: path, Dir: dir}, nil
}

// close lets go of the host; what runs keeps running.
func (h *host) close() error {
	if h.prober != nil {
		h.prober.Close()
	}
	var err error
	if h.engine != nil {
		err = h.engine.Close()
	}
	return errors.Join(err, h.journal.Close())
}
