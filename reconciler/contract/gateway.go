package contract

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A Router is a gateway to be tested, which has never run.
type Router interface {
	apply.Gateway
	Observe(ctx context.Context) (plan.Gateway, error)

	// Servers are three addresses that requests can be sent to.
	Servers() [3]netip.AddrPort
	// Refuse makes a location one that nginx refuses.
	Refuse(l plan.Location) plan.Location
	// Await returns when ok does, and fails the test if it never will.
	Await(t *testing.T, what string, ok func() bool)

	// KillNginx ends nginx, which comes back by itself.
	KillNginx()
	// Restart ends havn and starts another on what it left.
	Restart()
	// Hold has a request to a host come in that is not whole, so that the workers of
	// the next switch stay.
	Hold(host string)
	// Occupy has somebody else on nginx's port; the result ends that.
	Occupy() (free func())
}

// Gateway tests the gateways that newRouter makes, one for each test.
func Gateway(t *testing.T, newRouter func(t *testing.T) Router) {
	for _, c := range []struct {
		name string
		test func(*routing)
	}{
		{"start", testGatewayStart},
		{"port taken", testGatewayPort},
		{"routes", testRoutes},
		{"drain", testDrain},
		{"back in the table", testDrainUndone},
		{"a refused location", testRefused},
		{"a refused change", testRefusedChange},
		{"nginx killed", testGatewayKilled},
		{"havn restarted", testGatewayRestart},
		{"havn restarted amid a drain", testDrainRemembered},
		{"no nginx", testRoutesWithoutNginx},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(&routing{newRouter(t), t, t.Context()}) })
	}
}

// A routing is one test on one gateway.
type routing struct {
	Router
	t   *testing.T
	ctx context.Context
}

func (r *routing) do(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *routing) observe() plan.Gateway {
	r.t.Helper()
	g, err := r.Observe(r.ctx)
	r.do(err)
	return g
}

// leads is a location of a host that leads to servers of the service app.
func leads(host string, servers ...netip.AddrPort) plan.Location {
	options := spec.Options{Upstream: spec.Upstream{Keepalive: 1, IdleTimeout: 1e9}, Timeouts: spec.Timeouts{Connect: 1e9, Read: 1e9, Send: 1e9}}
	return plan.Location{Host: host, Path: "/", Route: "r", Target: spec.Target{Service: "app", Options: options}, Servers: servers}
}

func tableOf(ls ...plan.Location) plan.Table {
	t := plan.Table{Locations: slices.Clone(ls)}
	t.Sort()
	return t
}

// follows checks what is in force.
func (r *routing) follows(want plan.Table) plan.Gateway {
	r.t.Helper()
	g := r.observe()
	if !g.Running || g.Table.Hash() != want.Hash() {
		r.t.Errorf("running %v with %v, want %v", g.Running, g.Table, want)
	}
	servers := want.Servers()
	for a := range servers {
		if g.Routed[a].IsZero() {
			r.t.Errorf("%s is not routed", a)
		}
	}
	if len(g.Routed) != len(servers) {
		r.t.Errorf("routed are %v, want %v", g.Routed, servers)
	}
	return g
}

func testGatewayStart(r *routing) {
	if g := r.observe(); g.Running || g.Generation != 0 || len(g.Routed)+len(g.Unrouted) != 0 {
		r.t.Errorf("before the first start: %+v", g)
	}
	for range 2 {
		r.do(r.StartGateway(r.ctx))
		if g := r.follows(plan.Table{}); g.Generation == 0 || g.Problem != "" {
			r.t.Errorf("started: %+v", g)
		}
	}
}

func testGatewayPort(r *routing) {
	free := r.Occupy()
	if err := r.StartGateway(r.ctx); err == nil {
		r.t.Error("started on somebody's port")
	}
	if g := r.observe(); g.Running || g.Problem == "" {
		r.t.Errorf("running %v, problem %q", g.Running, g.Problem)
	}
	free()
	r.do(r.StartGateway(r.ctx))
	if g := r.follows(plan.Table{}); g.Problem != "" {
		r.t.Errorf("problem %q", g.Problem)
	}
}

func testRoutes(r *routing) {
	r.do(r.StartGateway(r.ctx))
	s := r.Servers()
	one := tableOf(leads("a.example", s[0]), leads("b.example", s[0], s[1]))
	r.do(r.SetRoutes(r.ctx, one))
	first := r.follows(one)
	r.do(r.SetRoutes(r.ctx, one))
	if again := r.follows(one); again.Generation != first.Generation {
		r.t.Errorf("an equal table is generation %d after %d", again.Generation, first.Generation)
	}
	two := tableOf(leads("a.example", s[2]), leads("b.example", s[1]), leads("c.example"))
	r.do(r.SetRoutes(r.ctx, two))
	g := r.follows(two)
	if g.Generation <= first.Generation || !g.Routed[s[1]].Equal(first.Routed[s[1]]) {
		r.t.Errorf("generation %d after %d; %s is routed since %v, was %v", g.Generation, first.Generation, s[1], g.Routed[s[1]], first.Routed[s[1]])
	}
	if _, left := g.Unrouted[s[0]]; !left || len(g.Unrouted) != 1 {
		r.t.Errorf("unrouted are %v", g.Unrouted)
	}
}

func testDrain(r *routing) {
	r.do(r.StartGateway(r.ctx))
	s := r.Servers()
	r.do(r.SetRoutes(r.ctx, tableOf(leads("a.example", s[0]))))
	r.do(r.SetRoutes(r.ctx, tableOf(leads("a.example", s[1]))))
	r.Await(r.t, "the address that left is drained", func() bool { return r.observe().Unrouted[s[0]].Done })
}

func testDrainUndone(r *routing) {
	r.do(r.StartGateway(r.ctx))
	s := r.Servers()
	there, away := tableOf(leads("a.example", s[0])), tableOf(leads("a.example", s[1]))
	r.do(r.SetRoutes(r.ctx, there))
	r.do(r.SetRoutes(r.ctx, away))
	r.do(r.SetRoutes(r.ctx, there))
	if _, left := r.follows(there).Unrouted[s[0]]; left {
		r.t.Errorf("%s is routed and unrouted", s[0])
	}
}

// refusedAs wants SetRoutes to have named one location, with the rest in force.
func (r *routing) refusedAs(err error, l plan.Location, force plan.Table) {
	r.t.Helper()
	var no *apply.RejectedError
	if !errors.As(err, &no) || !no.Applied || len(no.Locations) != 1 || no.Locations[l.Hash()] == "" {
		r.t.Fatalf("got %v", err)
	}
	if g := r.follows(force); g.Rejected[l.Hash()] == "" {
		r.t.Errorf("not remembered: %v", g.Rejected)
	}
}

func testRefused(r *routing) {
	r.do(r.StartGateway(r.ctx))
	s := r.Servers()
	bad := r.Refuse(leads("bad.example", s[0]))
	force := tableOf(leads("a.example", s[1]))
	r.refusedAs(r.SetRoutes(r.ctx, tableOf(leads("a.example", s[1]), bad)), bad, force)
	// The tables that follow are without it, and it is still known why.
	next := tableOf(leads("a.example", s[2]))
	r.do(r.SetRoutes(r.ctx, next))
	if g := r.follows(next); g.Rejected[bad.Hash()] == "" {
		r.t.Errorf("forgotten: %v", g.Rejected)
	}
}

// testRefusedChange: a location that was good stays in its good form, and follows
// its service's replicas; but never another service's.
func testRefusedChange(r *routing) {
	r.do(r.StartGateway(r.ctx))
	s := r.Servers()
	r.do(r.SetRoutes(r.ctx, tableOf(leads("a.example", s[0]))))
	bad := r.Refuse(leads("a.example", s[1]))
	r.refusedAs(r.SetRoutes(r.ctx, tableOf(bad)), bad, tableOf(leads("a.example", s[1])))
	other := leads("a.example", s[2])
	other.Target.Service = "other"
	other = r.Refuse(other)
	r.refusedAs(r.SetRoutes(r.ctx, tableOf(other, leads("b.example", s[0]))), other, tableOf(leads("a.example", s[1]), leads("b.example", s[0])))
}

func testGatewayKilled(r *routing) {
	r.do(r.StartGateway(r.ctx))
	s := r.Servers()
	want := tableOf(leads("a.example", s[0]))
	r.do(r.SetRoutes(r.ctx, want))
	before := r.observe()
	r.KillNginx()
	r.Await(r.t, "nginx is back", func() bool { return r.observe().Running })
	if g := r.follows(want); g.Generation != before.Generation {
		r.t.Errorf("generation %d after %d", g.Generation, before.Generation)
	}
}

func testGatewayRestart(r *routing) {
	r.do(r.StartGateway(r.ctx))
	s := r.Servers()
	want := tableOf(leads("a.example", s[0]), leads("b.example", s[1]))
	r.do(r.SetRoutes(r.ctx, want))
	before := r.observe()
	r.Restart()
	r.Await(r.t, "nginx is known again", func() bool { return r.observe().Running })
	if g := r.follows(want); g.Generation != before.Generation {
		r.t.Errorf("generation %d after %d", g.Generation, before.Generation)
	}
	next := tableOf(leads("a.example", s[2]))
	r.do(r.SetRoutes(r.ctx, next))
	if g := r.follows(next); g.Generation <= before.Generation || len(g.Unrouted) != 2 {
		r.t.Errorf("generation %d after %d, unrouted %v", g.Generation, before.Generation, g.Unrouted)
	}
}

// testDrainRemembered: an old worker may still send a request to somebody whom many
// newer generations do not name. A new havn knows it, at once and when it knows nginx.
func testDrainRemembered(r *routing) {
	r.do(r.StartGateway(r.ctx))
	s := r.Servers()
	r.do(r.SetRoutes(r.ctx, tableOf(leads("a.example", s[0]))))
	r.Hold("a.example")
	const many = 12
	for n := range many {
		r.do(r.SetRoutes(r.ctx, tableOf(leads("a.example", s[1+n%2]))))
	}
	r.Restart()
	r.Await(r.t, "nginx is known again", func() bool {
		g := r.observe()
		if d, left := g.Unrouted[s[0]]; !left || d.Done {
			r.t.Fatalf("running %v, unrouted %v: %s is not known to be waited for", g.Running, g.Unrouted, s[0])
		}
		return g.Running
	})
}

func testRoutesWithoutNginx(r *routing) {
	if err := r.SetRoutes(r.ctx, tableOf(leads("a.example", r.Servers()[0]))); err == nil {
		r.t.Error("routes were set though nginx has never been started")
	}
	if g := r.observe(); g.Running || len(g.Routed) != 0 {
		r.t.Errorf("%+v", g)
	}
}
