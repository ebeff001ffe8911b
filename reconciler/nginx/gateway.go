package nginx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
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
	// OldWorkers is how many old workers may be kept by connections longer than
	// RequestLimit; beyond it the oldest are ended.
	OldWorkers int
	AccessLog  bool
	Log        *slog.Logger
	// Looks: the gateway is only looked at, and nothing is written to Dir.
	Looks bool
}

// Defaults of [Config].
const (
	defaultRequestLimit    = time.Minute
	defaultShutdownTimeout = time.Hour
	// oldGenerations times the workers of one is the default of OldWorkers.
	oldGenerations = 8
)

// A Gateway is nginx and what it has confirmed.
type Gateway struct {
	Config
	listener listener
	key      []byte
	// swap is held by whoever changes what nginx does.
	swap sync.Mutex

	mu sync.Mutex
	// confirmed is the last generation nginx answered for; number 0 is none.
	confirmed generation
	// master is the process that answered.
	master  worker
	version string
	// files is how many files nginx may open; havn's own limit before it was seen running.
	files    int
	outdated string
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
		c.RequestLimit = defaultRequestLimit
	}
	if c.ShutdownTimeout == 0 {
		c.ShutdownTimeout = defaultShutdownTimeout
	}
	if c.OldWorkers == 0 {
		c.OldWorkers = oldGenerations * runtime.NumCPU()
	}
	if !c.Looks {
		if err := furnish(c.Dir); err != nil {
			return nil, fmt.Errorf("nginx directory: %w", err)
		}
	}
	key, err := keyOf(c.Dir, !c.Looks)
	if err != nil {
		return nil, err
	}
	g := &Gateway{Config: c, listener: l, key: key, files: openFiles(os.Getpid()), routed: map[netip.AddrPort]time.Time{}, drains: drains{}, rejected: map[string]string{}}
	last, ok := pointed(c.Dir, confirmed)
	if !ok {
		last, ok = pointed(c.Dir, current)
	}
	if ok {
		g.take(last)
		g.recall(saved(c.Dir), nil, false)
	}
	return g, nil
}

// take makes a generation the confirmed one.
func (g *Gateway) take(next generation) {
	g.confirmed = next
	servers := next.table.Servers()
	maps.DeleteFunc(g.routed, func(a netip.AddrPort, _ time.Time) bool { return !servers[a] })
	for a := range servers {
		if _, was := g.routed[a]; !was {
			g.routed[a] = time.Now()
		}
		delete(g.drains, a)
	}
}

// recall has everybody whom an older generation names, and the one in force does not,
// drain with the workers. Until those are seen any might be there.
func (g *Gateway) recall(older []generation, workers []worker, seen bool) {
	if seen {
		maps.DeleteFunc(g.drains, func(_ netip.AddrPort, d *drain) bool { return d.unseen })
	}
	if seen && len(workers) == 0 {
		return
	}
	now := time.Now()
	for _, old := range older {
		for a := range old.table.Servers() {
			if _, routed := g.routed[a]; !routed && g.drains[a] == nil {
				g.drains[a] = &drain{since: now, workers: workers, unseen: !seen}
			}
		}
	}
}

func (g *Gateway) limits() limits { return limits{g.RequestLimit, g.ShutdownTimeout} }

func (g *Gateway) settings() Settings {
	s := Settings{
		Dir: g.Dir, Listen: g.listener.directives, Local: g.listener.local,
		MinTimeout: lossless(g.version), ShutdownTimeout: g.ShutdownTimeout, OpenFiles: g.files, Key: g.key,
	}
	if g.AccessLog {
		s.AccessLog = g.accessPath()
	}
	return s
}

// lossless: the version knows keepalive_min_timeout, so a reload resets no
// client's connection.
func lossless(version string) bool { return atLeast(version, 1, 27, 4) }

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

// Degraded says what nginx's version can't do, or that another is wanted; empty
// if all is well.
func (g *Gateway) Degraded() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []string
	if g.version != "" && !lossless(g.version) {
		out = append(out, fmt.Sprintf("nginx %s resets idle connections at each reload: expect to lose requests a second x round trip; 1.28 or newer loses none", g.version))
	}
	if g.outdated != "" {
		out = append(out, fmt.Sprintf("%s; to change it is an outage of about a second: `%s`", g.outdated, g.Process.Replace()))
	}
	return strings.Join(out, "; ")
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
	now, alive := workerAt(pid)
	g.mu.Lock()
	known := pid != 0 && (now == g.master || !alive && g.master.pid == pid)
	g.mu.Unlock()
	// While an act is under way it is the one that asks.
	if g.swap.TryLock() {
		switch {
		case pid == 0:
		case !known:
			known = g.meet(ctx, pid)
		case !g.intact():
			g.Log.Warn("nginx's configuration on disk is not what havn wrote; it is written anew", "dir", g.Dir)
			known = false
		}
		g.swap.Unlock()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	at := time.Now()
	g.drains.update(at, g.limits())
	return plan.Gateway{
		Running: known, Lost: pid == 0 && g.lost(), Generation: g.confirmed.number, Table: g.confirmed.table,
		Routed: maps.Clone(g.routed), Unrouted: g.drains.report(at), Rejected: maps.Clone(g.rejected), Problem: g.problem,
	}, nil
}

// lost: the process says that it runs with a directory that is gone.
func (g *Gateway) lost() bool {
	p, can := g.Process.(interface{ Lost() bool })
	return can && p.Lost()
}

// intact: what nginx would start with is what it has confirmed.
func (g *Gateway) intact() bool {
	g.mu.Lock()
	last := g.confirmed
	g.mu.Unlock()
	at, ok := pointed(g.Dir, current)
	return ok && at.number == last.number && at.sum == last.sum
}

// Forget ends nginx if it still runs, and removes all that is on disk.
func (g *Gateway) Forget(ctx context.Context) error {
	g.swap.Lock()
	defer g.swap.Unlock()
	pid, err := g.Process.Master(ctx)
	if err == nil && pid != 0 {
		err = g.Process.Signal(ctx, syscall.SIGTERM)
	}
	return errors.Join(err, os.RemoveAll(g.Dir))
}
