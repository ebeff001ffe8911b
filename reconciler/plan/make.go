package plan

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"havn.internal/spec"
)

// Make says what is safe to do now so that have comes nearer to want.
func Make(want spec.Site, have Observed, now time.Time) Plan {
	m := &maker{
		want: want, have: have, now: now, used: map[netip.Addr]bool{}, planned: map[string]bool{},
		overall: have.Policy.RefuseSite(want),
		routed:  map[netip.Addr]bool{}, reached: map[netip.Addr]bool{}, failing: map[VerdictKey]bool{},
		named: map[string]*view{}, waits: map[string][]Wait{},
	}
	for a := range have.Gateway.Table.Servers() {
		m.reached[a.Addr()] = true
	}
	for a := range have.Gateway.Table.Primaries() {
		m.routed[a.Addr()] = true
	}
	m.reserve()
	m.network()
	m.volumes()
	for _, name := range want.ServiceNames() {
		v := m.view(name)
		m.views, m.named[name] = append(m.views, v), v
	}
	m.leaving = m.leavingViews()
	m.removalsWait()
	m.findClaimants()

	for _, v := range m.views {
		m.judge(v)
	}
	m.handOvers()
	for _, v := range m.views {
		m.pickServers(v)
	}
	table := m.table()
	m.gateway(table)
	for _, v := range m.views {
		v.routes = table.leadsTo(v.name)
		m.converge(v)
	}
	m.prune()
	m.compare(table)
	m.collect()
	m.standings()
	m.notes()
	return m.plan
}

// A maker holds one call of Make. Its methods append to plan and change nothing
// else but used, planned and failing.
type maker struct {
	want spec.Site
	have Observed
	now  time.Time
	plan Plan
	// overall is what the machine does not let the site have as a whole.
	overall []spec.Refusal
	views   []*view
	leaving []*view
	named   map[string]*view
	// waits are those of the plan by service.
	waits map[string][]Wait
	// awaited is the service for which what leaves the site stays, "" for none.
	awaited string
	// claimants are the replicas whose release claims something; takers the services that
	// may stop what is in their way.
	claimants []holder
	takers    map[string]bool
	// used are the fixed addresses that can't be given to a new replica.
	used map[netip.Addr]bool
	// routed are the addresses that the gateway's confirmed configuration sends
	// requests to, reached those and the spares.
	routed, reached map[netip.Addr]bool
	// planned are the keys of the steps so far.
	planned map[string]bool
	// failing are releases that this plan condemns.
	failing map[VerdictKey]bool
}

// do appends a step unless an act on the same object is planned or in flight, or
// has to wait after a failure. It reports whether the step was appended.
func (m *maker) do(service string, a Action, why string) bool {
	key := a.Key()
	if m.have.InFlight[key] != nil || m.planned[key] {
		return false
	}
	if f, failed := m.have.Failures[key]; failed && m.now.Before(f.Retry) {
		m.addWait(Wait{
			Service: service, For: ForRetry, Until: f.Retry, Tries: f.Count, Why: fmt.Sprintf("%s: %s (failed %s)", a, f.Err, spec.Count(f.Count, "time")),
		})
		return false
	}
	m.planned[key] = true
	m.plan.Steps = append(m.plan.Steps, Step{Service: service, Action: a, Why: why})
	return true
}

func (m *maker) wait(service string, what WaitFor, until time.Time, why string) {
	w := Wait{Service: service, For: what, Until: until, Why: why}
	if !slices.Contains(m.waits[service], w) {
		m.addWait(w)
	}
}

func (m *maker) addWait(w Wait) {
	m.plan.Waits = append(m.plan.Waits, w)
	m.waits[w.Service] = append(m.waits[w.Service], w)
}

func (m *maker) block(service, why string) {
	m.plan.Blocked = append(m.plan.Blocked, Blocked{Service: service, Why: why})
}

func (m *maker) network() {
	switch n := m.have.Network; {
	case n.Problem != "":
		m.block("", n.Problem)
	case !n.Exists && len(m.want.Services) > 0:
		m.do("", CreateNetwork{}, "the site has no network")
	}
}

func (m *maker) volumes() {
	for _, name := range m.want.VolumeNames() {
		v, exists := m.have.Volumes[name]
		switch {
		case v.Problem != "":
			m.block("", v.Problem)
		case !exists:
			m.do("", CreateVolume{m.want.Volumes[name]}, "the site has no volume "+name)
		}
	}
}

// missing says what of the host a replica of the service still lacks, "" if
// nothing.
func (m *maker) missing(s spec.Service) string {
	if m.have.Network.Problem != "" || !m.have.Network.Exists {
		return "the network"
	}
	for _, mount := range sortedMounts(s) {
		if v, exists := m.have.Volumes[mount]; !exists || v.Problem != "" {
			return "volume " + mount
		}
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func sortedMounts(s spec.Service) []string {
	var out []string
	for _, mount := range s.Volumes {
		out = append(out, mount.Volume)
	}
	slices.Sort(out)
	return out
}

// standings reports where every service stands.
func (m *maker) standings() {
	for _, v := range slices.Concat(m.views, m.leaving) {
		service := v.wanted
		if v.known {
			service = v.target.Service
		}
		s := Standing{
			Service: v.name, Phase: v.phase, Wanted: service.Replicas, Image: service.Image,
			Release: v.fingerprint, Detail: strings.Join(v.notes, "; "), Trying: v.trying, Stalled: v.stalled,
		}
		for _, c := range v.all {
			if m.ready(c) {
				s.Ready++
			}
			if m.ready(c) && has(v.fresh, c) {
				s.Fresh++
			}
			if m.isRouted(c) {
				s.Routed++
			}
		}
		m.plan.Services = append(m.plan.Services, s)
	}
	slices.SortFunc(m.plan.Services, func(a, b Standing) int { return strings.Compare(a.Service, b.Service) })
}
