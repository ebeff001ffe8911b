package snapshot

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Take returns what a snapshot has of an observed host. What has to do with the
// machine, the source and the time is for the caller to fill in.
func Take(have plan.Observed) Snapshot {
	s := Snapshot{
		Format: Format, Version: Version, Site: have.Site,
		Releases: []Release{}, Containers: []Container{}, Verdicts: []Verdict{}, Good: map[string]int{}, Pins: map[string]string{},
		Taken: map[string]string{}, Volumes: map[string]string{}, Images: map[string]Image{}, Nginx: takeNginx(have),
		Machine: Machine{Policy: have.Policy}, Binds: have.Binds, Ports: have.Ports, Strangers: have.Strangers,
		Network: Network{
			Exists: have.Network.Exists, Problem: have.Network.Problem, Fixed: have.Network.Fixed,
			Taken:      slices.SortedFunc(maps.Keys(have.Network.Taken), netip.Addr.Compare),
			Quarantine: slices.SortedFunc(maps.Keys(have.Quarantine), netip.Addr.Compare),
		},
	}
	known := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(have.Containers)) {
		s.Containers = append(s.Containers, s.takeContainer(have.Containers[name], known))
	}
	for _, service := range slices.Sorted(maps.Keys(have.LastGood)) {
		good := have.LastGood[service]
		s.Good[service] = s.release(good, good.Fingerprint(have.Site), known)
	}
	for k, v := range have.Verdicts {
		s.Verdicts = append(s.Verdicts, Verdict{k.Service, spec.Fingerprint(k.Fingerprint.Short()), brief(v.Reason), v.At.UTC()})
	}
	slices.SortFunc(s.Verdicts, func(a, b Verdict) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	for name, owner := range have.Taken {
		if replicaName.MatchString(name) {
			s.Taken[name] = owner
		}
	}
	for name, v := range have.Volumes {
		s.Volumes[name] = v.Problem
	}
	for ref, i := range have.Images {
		taken := Image{ID: i.ID, Healthcheck: i.HasHealthcheck, Problem: i.Problem}
		if i.Word != nil {
			word := i.Word.Brief()
			taken.Word = &word
		}
		s.Images[ref] = taken
	}
	return s
}

// replicaName is the form of the names that a replica might want.
var replicaName = regexp.MustCompile(`^[a-z0-9][-a-z0-9]*-[0-9a-f]{8}-[0-9]+$`)

func (s *Snapshot) takeContainer(c plan.Container, known map[string]int) Container {
	return Container{
		Name: c.Name, ID: c.ID, Service: c.Service, Fingerprint: spec.Fingerprint(c.Fingerprint.Short()), Slot: c.Slot,
		Release: s.release(c.Release, c.Fingerprint, known), Addr: c.Addr, State: c.State, Restarts: c.Restarts, ExitCode: c.ExitCode,
		OOM: c.OOM, CreatedAt: c.CreatedAt.UTC(), StartedAt: c.StartedAt.UTC(), Checked: c.Checked, Check: c.Check,
		Ready: c.Health.Ready, Unhealthy: c.Health.Unhealthy, HealthSince: c.Health.Since.UTC(), Drift: c.Drift, Unreachable: c.Unreachable,
	}
}

// release returns the index of a release.
func (s *Snapshot) release(r spec.Release, f spec.Fingerprint, known map[string]int) int {
	short := spec.Fingerprint(f.Short())
	r = r.Hide(short)
	out := Release{short, r.ImageID, r.Service}
	text, err := json.Marshal(out)
	if err != nil {
		panic("snapshot: release: " + err.Error()) // only strings, numbers and maps of them
	}
	i, have := known[string(text)]
	if !have {
		i = len(s.Releases)
		s.Releases, known[string(text)] = append(s.Releases, out), i
	}
	return i
}

func takeNginx(have plan.Observed) Nginx {
	g := have.Gateway
	out := Nginx{
		Running: g.Running, Lost: g.Lost, Generation: g.Generation, Problem: brief(g.Problem), Locations: takeLocations(g.Table.Locations), Own: takeLocations(have.Own),
		Routed: map[netip.AddrPort]time.Time{}, Unrouted: map[netip.AddrPort]Drain{},
	}
	for a, t := range g.Routed {
		out.Routed[a] = t.UTC()
	}
	for a, d := range g.Unrouted {
		out.Unrouted[a] = Drain{d.Since.UTC(), d.Quiet, d.Done}
	}
	for hash := range g.Rejected {
		out.Rejected = append(out.Rejected, shortHash(hash))
	}
	slices.Sort(out.Rejected)
	return out
}

func takeLocations(ls []plan.Location) []Location {
	out := []Location{}
	for _, l := range ls {
		out = append(out, Location{shortHash(l.Hash()), l.Hide()})
	}
	return out
}

// shortHash is as long as a short fingerprint.
func shortHash(hash string) string { return hash[:min(len(hash), 8)] }

// mostText bounds a text for people.
const mostText = 300

// brief is the part of a message that is havn's own: what follows the first colon
// is what a program said, and may hold anything.
func brief(text string) string {
	text, _, _ = strings.Cut(text, ": ")
	if len(text) > mostText {
		text = strings.ToValidUTF8(text[:mostText], "")
	}
	if !utf8.ValidString(text) {
		return "(unreadable)"
	}
	return text
}
