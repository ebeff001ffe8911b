package console

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"havn.internal/gitops/hold"
	"havn.internal/reconciler"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Status is where a site stands, for people and for scripts.
type Status struct {
	Site    string    `json:"site"`
	Version string    `json:"version"`
	At      time.Time `json:"at"`
	// Running: a havn works on the site; Pid is its process. Otherwise this is
	// what one look at the host found.
	Running bool `json:"running"`
	Pid     int  `json:"pid,omitempty"`
	// Applying: it is `havn apply`, which ends by itself.
	Applying bool `json:"applying,omitempty"`
	// Converged: the host is as the wanted revision says, and nothing is left to do.
	Converged bool     `json:"converged"`
	Revision  Revision `json:"revision"`
	// Standing is what keeps the host from being as the source says.
	Standing hold.Standing `json:"standing"`
	// Source is where revisions come from; nil if nobody has said so.
	Source   *Source   `json:"source,omitempty"`
	Gateway  Gateway   `json:"gateway"`
	Hook     *Hook     `json:"webhooks,omitempty"`
	Forge    *Forge    `json:"forge,omitempty"`
	Notify   []Notify  `json:"notify,omitempty"`
	Services []Service `json:"services"`
	Routes   []Route   `json:"routes"`
	// Failed is what failed last, newest first, where no havn runs that would try it again.
	Failed []Failure `json:"failed,omitempty"`
	// Waits is what is waited for that belongs to no service, such as the next try of a
	// step of the gateway or the network that failed.
	Waits []plan.Wait `json:"waits,omitempty"`
	// Journal is why havn can't write down what it does, empty if it can.
	Journal string `json:"journal,omitempty"`
	// Blocked is what can't go on and belongs to no service.
	Blocked []string `json:"blocked,omitempty"`
	// Notes are what else on the host concerns the site, such as containers that are not
	// havn's on its network.
	Notes []string `json:"notes,omitempty"`
	// Unknown is why the host can't be observed; the rest is then as it was last
	// seen.
	Unknown string `json:"unknown,omitempty"`
}

// Failure is an act that failed, and did not succeed since.
type Failure struct {
	At      time.Time `json:"at"`
	Service string    `json:"service,omitempty"`
	Act     string    `json:"act"`
	Why     string    `json:"why"`
}

// Revision says which states of the source are meant.
type Revision struct {
	// Attempted is the newest that was seen, whether it is valid or not.
	Attempted string `json:"attempted,omitempty"`
	// Applied is the one the host is converged to.
	Applied string `json:"applied,omitempty"`
	// LastGood is the last one that was reached in full.
	LastGood string `json:"lastGood,omitempty"`
	// Problem is why Attempted is not Applied.
	Problem string `json:"problem,omitempty"`
}

// Gateway is nginx.
type Gateway struct {
	Running    bool   `json:"running"`
	Generation int    `json:"generation"`
	Version    string `json:"version,omitempty"`
	Address    string `json:"address"`
	Problem    string `json:"problem,omitempty"`
}

// Service is where one service stands.
type Service struct {
	Name    string     `json:"name"`
	Phase   plan.Phase `json:"phase"`
	Wanted  int        `json:"wanted"`
	Ready   int        `json:"ready"`
	Routed  int        `json:"routed"`
	Release string     `json:"release"`
	Image   string     `json:"image"`
	Detail  string     `json:"detail,omitempty"`
	// Waits is what it waits for, and until when.
	Waits    []plan.Wait `json:"waits,omitempty"`
	Blocked  []string    `json:"blocked,omitempty"`
	Replicas []Replica   `json:"replicas,omitempty"`
	// Log is the end of what the replica in question printed, while the service
	// is not as it should be.
	Log []string `json:"log,omitempty"`
}

// Replica is one container of a service.
type Replica struct {
	Name     string     `json:"name"`
	Release  string     `json:"release"`
	Revision string     `json:"revision"`
	Address  string     `json:"address"`
	State    plan.State `json:"state"`
	Ready    bool       `json:"ready"`
	Routed   bool       `json:"routed"`
	// Restarts counts how often Docker started it again, ExitCode is how it ended last.
	Restarts int `json:"restarts,omitempty"`
	ExitCode int `json:"exitCode,omitempty"`
	// Probe is the last result of its health check, Answer what the program said to it.
	Probe  string `json:"probe,omitempty"`
	Answer string `json:"answer,omitempty"`
}

// Route is one path of one host name.
type Route struct {
	Route   string   `json:"route"`
	Host    string   `json:"host"`
	Path    string   `json:"path"`
	Exact   bool     `json:"exact,omitempty"`
	Service string   `json:"service,omitempty"`
	To      string   `json:"redirect,omitempty"`
	Servers []string `json:"servers"`
	// Spares are warm replicas of the last release, asked only if no server can be.
	Spares  []string `json:"spares,omitempty"`
	Blocked string   `json:"blocked,omitempty"`
}

// Tail returns the last lines a container printed.
type Tail func(ctx context.Context, name string, n int) ([]string, error)

// tailLines is how much of a log a status shows.
const tailLines = 10

// Describe puts an outcome on the way to a site into words. Who runs and which revisions
// are meant is left to the caller. Values that may be secret are not in it, though a
// program has printed them.
func Describe(ctx context.Context, want spec.Site, o reconciler.Outcome, tail Tail) Status {
	s := Status{At: o.At, Converged: o.Settled() == nil, Services: []Service{}, Routes: []Route{}}
	if o.Err != nil {
		s.Unknown = o.Err.Error()
	}
	s.Revision.Applied = o.Revision
	g := o.Have.Gateway
	s.Gateway = Gateway{Running: g.Running, Generation: g.Generation, Problem: g.Problem}
	blocked := map[string][]string{}
	routes := map[string]string{}
	for _, b := range o.Plan.Blocked {
		switch {
		case b.Route != "":
			routes[b.Route] = b.Why
		case b.Service != "":
			blocked[b.Service] = append(blocked[b.Service], b.Why)
		default:
			s.Blocked = append(s.Blocked, b.Why)
		}
	}
	for _, n := range o.Plan.Notes {
		if n.Service == "" {
			s.Notes = append(s.Notes, n.Why)
		}
	}
	for _, w := range o.Plan.Waits {
		if w.Service == "" {
			s.Waits = append(s.Waits, w)
		}
	}
	for _, standing := range o.Plan.Services {
		one := service(standing, o)
		one.Blocked = blocked[one.Name]
		one.tail(ctx, tail)
		one.conceal(want, o)
		s.Services = append(s.Services, one)
	}
	// A route that nginx refused from the start is not in its table.
	absent := maps.Clone(routes)
	for _, l := range g.Table.Locations {
		if l.Own() {
			continue
		}
		s.Routes = append(s.Routes, route(l, routes[l.Route]))
		delete(absent, l.Route)
	}
	for _, name := range slices.Sorted(maps.Keys(absent)) {
		s.Blocked = append(s.Blocked, "route "+name+": "+absent[name])
	}
	return s
}

func service(st plan.Standing, o reconciler.Outcome) Service {
	s := Service{
		Name: st.Service, Phase: st.Phase, Wanted: st.Wanted, Ready: st.Ready, Routed: st.Routed,
		Release: st.Release.Short(), Image: st.Image, Detail: st.Detail,
	}
	for _, w := range o.Plan.Waits {
		if w.Service == s.Name {
			s.Waits = append(s.Waits, w)
		}
	}
	routed := map[string]bool{}
	for a := range o.Have.Gateway.Table.Primaries() {
		routed[a.Addr().String()] = true
	}
	for _, c := range o.Have.Containers {
		if c.Service == s.Name {
			s.Replicas = append(s.Replicas, Replica{
				Name: c.Name, Release: c.Fingerprint.Short(), Revision: c.Revision, Address: c.Addr.String(), State: c.State,
				Ready: c.State == plan.Running && c.Health.Ready, Routed: routed[c.Addr.String()], Restarts: c.Restarts, ExitCode: c.ExitCode, Probe: c.Health.Last, Answer: c.Health.Said,
			})
		}
	}
	slices.SortFunc(s.Replicas, func(a, b Replica) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// tail adds the log of the replica that is most to blame: one that is not ready.
func (s *Service) tail(ctx context.Context, tail Tail) {
	// What is to be stopped, or to leave, only says goodbye.
	if tail == nil || s.Phase == plan.Converged || s.Phase == plan.Watching || s.Phase == plan.Leaving || s.Wanted == 0 {
		return
	}
	for _, r := range s.Replicas {
		if r.Ready {
			continue
		}
		if lines, err := tail(ctx, r.Name, tailLines); err == nil && len(lines) > 0 {
			s.Log = lines
			return
		}
	}
}

// conceal takes values that may be secret out of what programs said. A release that
// runs is known without its files; they are taken from the site.
func (s *Service) conceal(want spec.Site, o reconciler.Outcome) {
	known := []spec.Release{{Service: want.Services[s.Name]}}
	for _, c := range o.Have.Containers {
		if c.Service == s.Name {
			known = append(known, c.Release)
		}
	}
	for _, r := range known {
		for i := range s.Log {
			s.Log[i] = r.Conceal(s.Log[i])
		}
		for i := range s.Replicas {
			s.Replicas[i].Answer = r.Conceal(s.Replicas[i].Answer)
		}
	}
}

func route(l plan.Location, blocked string) Route {
	r := Route{Route: l.Route, Host: l.Host, Path: l.Path, Exact: l.Exact, Service: l.Target.Service, Servers: []string{}, Blocked: blocked}
	if l.Target.Redirect != nil {
		r.To = l.Target.Redirect.To
	}
	for _, a := range l.Servers {
		r.Servers = append(r.Servers, a.String())
	}
	for _, a := range l.Spares {
		r.Spares = append(r.Spares, a.String())
	}
	return r
}
