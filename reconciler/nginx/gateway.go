package nginx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"havn.internal/reconciler/plan"
)

// Config says which nginx, and where it serves.
type Config struct {
	// Dir is nginx's directory, below havn's state directory.
	Dir string
	// HTTP is the address to serve on, ":80" or "ADDRESS:PORT".
	HTTP string
	// Process is the nginx to drive.
	Process Process
	// RequestLimit is how long a request may take, at most: after a time without
	// connections as long as that, an old worker holds no request back.
	RequestLimit time.Duration
	// ShutdownTimeout is when an old worker cuts what it still has.
	ShutdownTimeout time.Duration
	AccessLog       bool
	Log             *slog.Logger
}

// Defaults of [Config].
const (
	DefaultRequestLimit    = time.Minute
	DefaultShutdownTimeout = 10 * time.Minute
)

// A Gateway is nginx and what it has confirmed.
type Gateway struct {
	Config
	listener listener
	// swap is held by whoever changes what nginx does.
	swap sync.Mutex

	mu sync.Mutex
	// confirmed is the last generation nginx answered for; number 0 is none.
	confirmed generation
	// master is the process that answered.
	master   int
	version  string
	routed   map[netip.AddrPort]time.Time
	drains   drains
	rejected map[string]string
	problem  string
}

// New reads what is on disk. It does not start nginx.
func New(c Config) (*Gateway, error) {
	l, err := parseListener(c.HTTP)
	if err != nil {
		return nil, err
	}
	if c.RequestLimit == 0 {
		c.RequestLimit = DefaultRequestLimit
	}
	if c.ShutdownTimeout == 0 {
		c.ShutdownTimeout = DefaultShutdownTimeout
	}
	if err := os.MkdirAll(filepath.Join(c.Dir, "tmp"), 0o755); err != nil {
		return nil, fmt.Errorf("nginx directory: %w", err)
	}
	g := &Gateway{Config: c, listener: l, routed: map[netip.AddrPort]time.Time{}, drains: drains{}, rejected: map[string]string{}}
	if last, ok := pointed(c.Dir, confirmed); ok {
		g.confirmed = last
		for a := range last.table.Servers() {
			g.routed[a] = time.Now()
		}
	}
	return g, nil
}

func (g *Gateway) settings() Settings {
	return Settings{
		Dir: g.Dir, Listen: g.listener.directives, Local: g.listener.local, AccessLog: g.AccessLog,
		MinTimeout: atLeast(g.version, 1, 27, 4), ShutdownTimeout: g.ShutdownTimeout,
	}
}

// atLeast compares a version like "1.30.4".
func atLeast(version string, want ...int) bool {
	for i, part := range strings.SplitN(version, ".", 3) {
		n, err := strconv.Atoi(part)
		if err != nil || i >= len(want) {
			return false
		}
		if n != want[i] {
			return n > want[i]
		}
	}
	return version != ""
}

// Degraded says what nginx's version can't do; empty if it can do all.
func (g *Gateway) Degraded() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.version == "" || atLeast(g.version, 1, 27, 4) {
		return ""
	}
	return fmt.Sprintf("nginx %s resets idle connections at each reload: expect to lose requests a second x round trip; 1.28 or newer loses none", g.version)
}

// Version is nginx's version, empty before it was seen running.
func (g *Gateway) Version() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.version
}

// Observe says what the gateway does. It asks nginx only if its master is another
// than the one that confirmed the generation.
func (g *Gateway) Observe(ctx context.Context) (plan.Gateway, error) {
	pid, err := g.Process.Master(ctx)
	if err != nil {
		return plan.Gateway{}, err
	}
	g.mu.Lock()
	known := pid != 0 && pid == g.master
	last := g.confirmed
	g.mu.Unlock()
	if pid != 0 && !known && last.number > 0 {
		number, hash, err := ask(ctx, g.listener.probe)
		if err == nil && number == last.number && hash == last.table.Hash() {
			g.recognise(ctx, pid)
			known = true
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drains.update(time.Now(), g.RequestLimit)
	out := plan.Gateway{
		Running: known, Generation: g.confirmed.number, Table: g.confirmed.table,
		Routed: maps.Clone(g.routed), Unrouted: g.drains.report(), Rejected: maps.Clone(g.rejected), Problem: g.problem,
	}
	return out, nil
}

// recognise takes a master that answers for the confirmed generation as ours. Its
// leaving workers may still send requests to anybody an older generation names.
func (g *Gateway) recognise(ctx context.Context, pid int) {
	version, err := g.Process.Version(ctx)
	if err != nil {
		g.Log.Warn("nginx does not tell its version", "err", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.master, g.version, g.problem = pid, version, ""
	var leaving []worker
	for _, w := range workersOf(pid) {
		if w.leaving() {
			leaving = append(leaving, w)
		}
	}
	if len(leaving) == 0 {
		return
	}
	now := time.Now()
	for _, old := range saved(g.Dir) {
		for a := range old.table.Servers() {
			if _, routed := g.routed[a]; !routed && g.drains[a] == nil {
				g.drains[a] = &drain{since: now, workers: leaving}
			}
		}
	}
}

// StartGateway brings nginx up with the last confirmed table unless it runs with
// it.
func (g *Gateway) StartGateway(ctx context.Context) error {
	g.swap.Lock()
	defer g.swap.Unlock()
	err := g.start(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.problem = ""
	if err != nil {
		g.problem = "nginx does not run: " + err.Error()
	}
	return err
}

func (g *Gateway) start(ctx context.Context) error {
	pid, err := g.Process.Master(ctx)
	if err != nil {
		return err
	}
	if pid == 0 {
		if who := g.listener.taken(); who != "" {
			return errors.New(who)
		}
	}
	want, err := g.prepare()
	if err != nil {
		return err
	}
	mark := g.logEnd()
	if pid == 0 {
		err = g.Process.Start(ctx, filepath.Join(g.Dir, current, confFile))
	} else {
		err = g.reload(ctx)
	}
	if err != nil {
		return err
	}
	const startTime = 10 * time.Second
	if err := awaitGeneration(ctx, g.listener.probe, want, time.Now().Add(startTime)); err != nil {
		return g.explain(ctx, mark, err)
	}
	if pid, err = g.Process.Master(ctx); err != nil {
		return err
	}
	g.mu.Lock()
	g.confirmed = want
	g.mu.Unlock()
	g.recognise(ctx, pid)
	return point(g.Dir, confirmed, want.number)
}

// prepare makes current the last confirmed generation, or a first, empty one. One
// that was switched to and never confirmed is not to be started with.
func (g *Gateway) prepare() (generation, error) {
	g.mu.Lock()
	last, settings := g.confirmed, g.settings()
	g.mu.Unlock()
	if last.number == 0 {
		last = generation{number: 1}
		conf, err := Render(settings, last.table, last.number)
		if err != nil {
			return last, err
		}
		if err := save(g.Dir, last, conf); err != nil {
			return last, err
		}
	}
	return last, point(g.Dir, current, last.number)
}

// Forget removes all that is on disk. It is for when nginx has been removed.
func (g *Gateway) Forget() error {
	g.swap.Lock()
	defer g.swap.Unlock()
	return os.RemoveAll(g.Dir)
}

// explain adds nginx's own words to an error.
func (g *Gateway) explain(ctx context.Context, mark int64, err error) error {
	lines := g.logSince(mark)
	if len(lines) == 0 {
		lines, _ = g.Process.Logs(ctx)
	}
	if len(lines) == 0 {
		return err
	}
	return fmt.Errorf("%w: nginx says: %s", err, strings.Join(lines, "; "))
}
