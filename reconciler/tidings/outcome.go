package tidings

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"havn.internal/gitops/forge"
	"havn.internal/gitops/notice"
	"havn.internal/reconciler"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Kinds of events about what runs.
const (
	Failed  = "rollout.failed"
	Blocked = "service.blocked"
	Failing = "service.failing"
	Down    = "service.down"
	Route   = "route.blocked"
	Host    = "host.blocked"
	Unseen  = "host.unseen"
)

const (
	// unseen is how long the host may not be observable before that is news, as while
	// Docker is restarted.
	unseen = time.Minute
	// tooLong is how long no replica of a service may be ready.
	tooLong = time.Minute
)

// An ill is a trouble that was told.
type ill struct {
	kind, revision string
	severity       notice.Severity
}

// Passed is told of every pass.
func (t *Teller) Passed(o reconciler.Outcome) News {
	why := ""
	if o.Err != nil {
		why = own(o.Err.Error())
	}
	n := t.blind.is(why, o.At, unseen, notice.Event{
		Kind: Unseen, Severity: notice.Error, Title: "the host can't be observed; what runs keeps running",
	}, "the host is seen again")
	if o.Err != nil {
		return n // unknown is not failed
	}
	t.troubles(&n, o)
	if o.Revision == t.wanted.ID {
		t.outcome(&n, o)
	}
	return n
}

// outcome says what became of the wanted revision so far.
func (t *Teller) outcome(n *News, o reconciler.Outcome) {
	commit := t.wanted.Commit
	if found := o.Troubles(); len(found) > 0 {
		// What is known to have failed is told though others are still under way.
		if commit != "" {
			first := found[0]
			service := first.Service
			if service == "" && first.Route != "" {
				service = "route " + first.Route
			}
			t.status(n, commit, forge.Failure, service, own(first.Why)+more(len(found)-1))
		}
		return
	}
	if o.Settled() != nil {
		return
	}
	what := spec.Count(len(o.Plan.Services), "service") + " and " + spec.Count(routes(o.Have.Gateway.Table), "route") + " are as it says"
	if commit != "" {
		t.status(n, commit, forge.Success, "", what+t.wanted.But)
	}
	if t.reached != t.wanted.ID {
		t.reached = t.wanted.ID
		t.once(n, notice.Event{At: o.At, Kind: Reached, Severity: notice.Info, Revision: t.wanted.ID, Title: "revision " + short(t.wanted.ID) + " is reached", Detail: what + t.wanted.But})
	}
}

func routes(t plan.Table) int {
	names := map[string]bool{}
	for _, l := range t.Locations {
		if !l.Own() {
			names[l.Route] = true
		}
	}
	return len(names)
}

func more(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n)
}

// troubles tells of each that is new, and of each that is over.
func (t *Teller) troubles(n *News, o reconciler.Outcome) {
	found := map[string]notice.Event{}
	for _, trouble := range o.Troubles() {
		name, e := event(trouble, o)
		if first, is := found[name]; is {
			first.Detail += "\n" + e.Detail
			e = first
		}
		found[name] = e
	}
	well := map[string]bool{}
	for _, s := range o.Plan.Services {
		well[s.Service] = s.Phase == plan.Converged
		if e, is := t.isDown(s, o.At); is && found[s.Service].Kind != Failed {
			found[s.Service] = e
		}
	}
	maps.DeleteFunc(t.down, func(name string, _ time.Time) bool { _, is := well[name]; return !is })
	for _, name := range slices.Sorted(maps.Keys(found)) {
		e := found[name]
		e.At, e.Revision = o.At, o.Revision
		now := ill{kind: e.Kind, severity: e.Severity}
		if e.Kind == Failed {
			now.revision = o.Revision
		}
		if t.ill[name] != now {
			t.ill[name] = now
			n.Events = append(n.Events, e)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.ill)) {
		_, still := found[name]
		wellNow, is := well[name]
		if still || is && !wellNow {
			continue
		}
		was := t.ill[name]
		delete(t.ill, name)
		e := notice.Event{At: o.At, Kind: was.kind, Severity: notice.Info, Ends: was.severity, Revision: o.Revision, Over: true, Title: nameOf(name) + " is well again"}
		if is {
			e.Service = name
		}
		n.Events = append(n.Events, e)
	}
}

// host is the name of what is nobody's trouble.
const host = ""

func nameOf(name string) string {
	if name == host {
		return "the host"
	}
	return name
}

// event is what is told of a trouble, and whose it is.
func event(t reconciler.Trouble, o reconciler.Outcome) (name string, e notice.Event) {
	e = notice.Event{Severity: notice.Error, Service: t.Service, Detail: own(t.Why)}
	switch {
	case t.Route != "":
		e.Kind, e.Severity, e.Title = Route, notice.Warning, "route "+t.Route+" is not as the spec says"
		return "route " + t.Route, e
	case t.Service == "":
		e.Kind, e.Title = Host, "the host keeps the site from what it should be"
		return host, e
	case t.Retried:
		e.Kind, e.Severity, e.Title = Failing, notice.Warning, t.Service+" can't go on, and is tried again"
	case condemned(t, o):
		e.Kind, e.Title = Failed, t.Service+": the new release failed"
		if phase(t.Service, o) == plan.RolledBack {
			e.Title += ", and was rolled back"
		}
	default:
		e.Kind, e.Title = Blocked, t.Service+" can't go on"
	}
	return t.Service, e
}

// condemned: the trouble is a verdict on the service's release.
func condemned(t reconciler.Trouble, o reconciler.Outcome) bool {
	for key, v := range o.Have.Verdicts {
		if key.Service == t.Service && v.Reason == t.Why {
			return true
		}
	}
	return phase(t.Service, o) == plan.RolledBack
}

func phase(service string, o reconciler.Outcome) plan.Phase {
	for _, s := range o.Plan.Services {
		if s.Service == service {
			return s.Phase
		}
	}
	return ""
}

// isDown: the service runs a release that was good, and nobody has answered for it
// for too long.
func (t *Teller) isDown(s plan.Standing, now time.Time) (notice.Event, bool) {
	if s.Ready > 0 || s.Wanted == 0 || s.Phase != plan.Healing && s.Phase != plan.RolledBack {
		delete(t.down, s.Service)
		return notice.Event{}, false
	}
	since, known := t.down[s.Service]
	if !known {
		t.down[s.Service] = now
		return notice.Event{}, false
	}
	return notice.Event{
		Kind: Down, Severity: notice.Error, Service: s.Service, Title: s.Service + " is down: none of its replicas is ready", Detail: own(s.Detail),
	}, now.Sub(since) >= tooLong
}
