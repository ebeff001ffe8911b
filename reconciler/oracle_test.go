package reconciler

import (
	"fmt"
	"net/netip"
	"time"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A judge fails a test.
type judge interface {
	Fatalf(format string, args ...any)
	Helper()
}

// An oracle watches a rig and knows the invariants.
type oracle struct {
	*rig
	t       judge
	volumes int
	problem string
	// starts are the latest starts of each service.
	starts map[string][]time.Time
	// wasReady and lastRouted are when a replica last was.
	wasReady, lastRouted map[string]time.Time
	// answered is when somebody who was ready last had an address.
	answered map[netip.Addr]time.Time
	// ends counts the acts that ended, steps those that began.
	ends, steps int
	// spins counts the passes since the time last moved.
	spins    int
	lastPass time.Time
	// good are the images of the releases that were proven, by service, the newest last.
	good   map[string][]string
	losses int
	// routedFor is the site that the table on its way was made for.
	routedFor spec.Site
}

// watch has an oracle check everything that happens on a rig.
func watch(t judge, g *rig) *oracle {
	o := &oracle{rig: g, t: t, starts: map[string][]time.Time{}, wasReady: map[string]time.Time{}, lastRouted: map[string]time.Time{},
		answered: map[netip.Addr]time.Time{}, good: map[string][]string{}}
	g.host.Saw = o.saw
	before, begun := g.ended, g.begun
	g.ended = func(d apply.Done) {
		o.ends++
		o.proven(d)
		if before != nil {
			before(d)
		}
	}
	g.begun = func(s plan.Step) {
		o.steps++
		switch a := s.Action.(type) {
		case plan.SetRoutes:
			o.routedFor = *o.want
		case plan.Start:
			o.condemned(a)
		}
		if begun != nil {
			begun(s)
		}
	}
	g.passed = func(out Outcome) {
		o.planned(out)
		v := g.host.View()
		o.look(v)
		if out.Err == nil {
			o.ordered(out)
		}
		if out.At.Equal(g.passBegan) && v.At.Equal(out.At) {
			o.truthful(out, v) // no call of the pass was slow
		}
	}
	return o
}

// fail remembers the first broken invariant; a deed is seen amid a call.
func (o *oracle) fail(invariant, format string, args ...any) {
	if o.problem == "" {
		o.problem = fmt.Sprintf("%s %s: %s", clock(o.time.Now()), invariant, fmt.Sprintf(format, args...))
	}
}

func (o *oracle) saw(d model.Deed) {
	o.look(d.Host)
	switch d.What {
	case model.Stopped:
		o.stopped(d)
	case model.Started:
		o.surge(d)
		o.effort(d)
	case model.Switched:
		o.switched(d)
	case model.ImageGone:
		o.imageGone(d)
	}
	if d.Host.Volumes < o.volumes {
		o.fail("I7 data", "a volume is gone")
	}
	o.volumes = d.Host.Volumes
}

func (o *oracle) service(name string) spec.Service {
	if o.want == nil {
		return spec.Service{}
	}
	return o.want.Services[name]
}

// stopped: no request may be on its way to a replica that is told to stop.
func (o *oracle) stopped(d model.Deed) {
	r := d.Replica
	switch {
	case r.Routed && r.Ready:
		o.fail("I1 availability", "%s is stopped while it is routed and ready", r.Name)
	case r.Sent && r.Ready && !o.overdue(d):
		o.fail("drain", "%s is stopped before it is drained", r.Name)
	}
}

// overdue: the drain deadline of the replica has passed since it was last routed.
func (o *oracle) overdue(d model.Deed) bool {
	c, known := o.havn.Last().Have.Containers[d.Replica.Name]
	return known && d.At.Sub(o.lastRouted[c.Name]) >= c.Release.Service.Rollout.Drain.Std()
}

// unseen: Docker is starting it again because of a havn that was ended in the middle
// of asking; until it runs it looks like any stopped container.
func unseen(r model.Replica) bool { return r.State == plan.Exited }

// surge: never more than replicas + surge of a service, as its wanted release says, or
// one that still runs or is being started: what Docker has been asked for is not to be
// taken back when the next commit comes.
func (o *oracle) surge(d model.Deed) {
	s := o.service(d.Replica.Service)
	most := s.Replicas + s.Rollout.Surge
	have := o.havn.Last().Have
	if good, ok := have.LastGood[d.Replica.Service]; ok {
		most = max(most, good.Service.Replicas+good.Service.Rollout.Surge)
	}
	for _, c := range have.Containers {
		if c.Service == d.Replica.Service {
			most = max(most, c.Release.Service.Replicas+c.Release.Service.Rollout.Surge)
		}
	}
	for _, a := range o.acts.flying {
		if s, is := a.(plan.Start); is && s.Release.Service.Name == d.Replica.Service {
			most = max(most, s.Release.Service.Replicas+s.Release.Service.Rollout.Surge)
		}
	}
	n := 0
	for _, r := range d.Host.Replicas {
		if r.Service == d.Replica.Service && !r.Foreign && (r.State == plan.Running || r.State == plan.Restarting || r.Coming && !unseen(r)) {
			n++
		}
	}
	if d.Replica.State != plan.Running && !d.Replica.Coming {
		n++
	}
	if n > most {
		o.fail("I6 surge", "%d replicas of %s, and at most %d may run", n, d.Replica.Service, most)
	}
}
