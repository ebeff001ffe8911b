package snapshot

import (
	"net/netip"
	"strings"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Observed returns the host as a plan for a site sees it. What the site has in
// common with the host is known in full again, by its fingerprint or hash; the rest
// stays hidden.
func (s Snapshot) Observed(want spec.Site) plan.Observed {
	out := plan.Observed{
		Site:       s.Site,
		Network:    plan.Network{Exists: s.Network.Exists, Problem: s.Network.Problem, Fixed: s.Network.Fixed, Taken: map[netip.Addr]bool{}},
		Containers: map[string]plan.Container{}, Taken: s.Taken, Volumes: map[string]plan.Volume{}, Images: map[string]plan.Image{},
		Verdicts: map[plan.VerdictKey]plan.Verdict{}, LastGood: map[string]spec.Release{}, Quarantine: map[netip.Addr]bool{},
		Policy: s.Machine.Policy, Binds: s.Binds, Ports: s.Ports, Strangers: s.Strangers,
	}
	for _, a := range s.Network.Taken {
		out.Network.Taken[a] = true
	}
	for _, a := range s.Network.Quarantine {
		out.Quarantine[a] = true
	}
	for name, problem := range s.Volumes {
		if _, wanted := want.Volumes[name]; wanted || problem == "" {
			out.Volumes[name] = plan.Volume{Problem: problem}
		}
	}
	full := fingerprints{}
	for name, service := range want.Services {
		out.Images[service.Image] = s.image(service.Image, want.Revision)
		f := spec.Release{Service: service, ImageID: out.Images[service.Image].ID}.Fingerprint(s.Site)
		full[key{name, spec.Fingerprint(f.Short())}] = f
	}
	for _, c := range s.Containers {
		out.Containers[c.Name] = s.container(c, full)
	}
	for service, i := range s.Good {
		out.LastGood[service] = s.known(i, full)
	}
	for _, v := range s.Verdicts {
		out.Verdicts[plan.VerdictKey{Service: v.Service, Fingerprint: full.of(v.Service, v.Fingerprint)}] = plan.Verdict{Reason: v.Reason, At: v.At}
	}
	out.Gateway = s.gateway(want)
	for _, l := range s.Nginx.Own {
		out.Own = append(out.Own, l.Location.Hide())
	}
	return out
}

// A key names a release of a service by its short fingerprint.
type key struct {
	service string
	short   spec.Fingerprint
}

// fingerprints are the wanted ones.
type fingerprints map[key]spec.Fingerprint

// of returns the full fingerprint if it is a wanted one, else the short one: it
// differs from every wanted one just as well.
func (f fingerprints) of(service string, short spec.Fingerprint) spec.Fingerprint {
	if full, wanted := f[key{service, short}]; wanted {
		return full
	}
	return short
}

func (s Snapshot) known(i int, full fingerprints) spec.Release {
	r := s.Releases[i]
	return spec.Release{Service: r.Service, ImageID: r.ImageID}.Hide(full.of(r.Service.Name, r.Fingerprint))
}

// image is what a reference stood for on the host: for the revision that was wanted
// then, what it had been resolved to.
func (s Snapshot) image(ref, revision string) plan.Image {
	i, known := s.Images[ref]
	if !known {
		i = s.Images[strings.TrimPrefix(strings.TrimPrefix(ref, "docker.io/"), "library/")]
	}
	out := plan.Image{ID: i.ID, HasHealthcheck: i.Healthcheck, Word: i.Word, Problem: i.Problem}
	if pinned := s.Pins[ref]; pinned != "" && revision == s.Revision {
		out.Pulled = true
		if out.ID != "" {
			out.ID = pinned
		}
	}
	return out
}

// Lacks reports whether the host was not known to have an image: a plan then takes
// it that it is to be pulled.
func (s Snapshot) Lacks(ref string) bool { return s.image(ref, "").ID == "" }

func (s Snapshot) container(c Container, full fingerprints) plan.Container {
	return plan.Container{
		ID: c.ID, Name: c.Name, Service: c.Service, Fingerprint: full.of(c.Service, c.Fingerprint), Revision: s.Revision, Slot: c.Slot,
		Release: s.known(c.Release, full), Addr: c.Addr, State: c.State, Restarts: c.Restarts, ExitCode: c.ExitCode, OOM: c.OOM,
		CreatedAt: c.CreatedAt, StartedAt: c.StartedAt, Checked: c.Checked, Check: c.Check, Drift: c.Drift, Unreachable: c.Unreachable,
		Health: plan.Health{Ready: c.Ready, Unhealthy: c.Unhealthy, Since: c.HealthSince},
	}
}

// refusedThere stands for nginx's own words.
const refusedThere = "nginx refused it on the host; `havn status` there says why"

func (s Snapshot) gateway(want spec.Site) plan.Gateway {
	g := plan.Gateway{
		Running: s.Nginx.Running, Lost: s.Nginx.Lost, Generation: s.Nginx.Generation, Problem: s.Nginx.Problem,
		Routed: map[netip.AddrPort]time.Time{}, Unrouted: map[netip.AddrPort]plan.Drain{}, Rejected: map[string]string{},
	}
	wanted := map[string]plan.Location{}
	for _, name := range want.RouteNames() {
		for _, l := range plan.Locations(want.Routes[name]) {
			hash := l.Hash()
			wanted[shortHash(hash)] = l
			for _, refused := range s.Nginx.Rejected {
				if refused == shortHash(hash) {
					g.Rejected[hash] = refusedThere
				}
			}
		}
	}
	for _, l := range s.Nginx.Locations {
		known, same := wanted[l.Hash]
		if !same || known.Key() != l.Key() {
			known = l.Location.Hide()
		}
		known.Servers, known.Spares = l.Servers, l.Spares
		g.Table.Locations = append(g.Table.Locations, known)
	}
	for a, t := range s.Nginx.Routed {
		g.Routed[a] = t
	}
	for a, d := range s.Nginx.Unrouted {
		g.Unrouted[a] = plan.Drain{Since: d.Since, Quiet: d.Quiet, Done: d.Done}
	}
	return g
}
