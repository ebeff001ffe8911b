package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"havn.internal/spec"
)

// A Table is everything the gateway is told: which requests go where.
// It is canonical: equal meaning, equal value, equal bytes of configuration.
type Table struct {
	// Locations are sorted by host, path, and prefix before exact.
	Locations []Location `json:"locations"`
}

// A Location is one path of one host name.
type Location struct {
	// Host is an exact name, "*.example.no", or "_" for all others.
	Host string `json:"host"`
	// Path starts with "/". A prefix matches at segment borders.
	Path  string `json:"path"`
	Exact bool   `json:"exact,omitempty"`
	// Route is the name of the route it comes from.
	Route string `json:"route"`
	// Target is the service and port, the rewriting of the path, or a redirect;
	// its Options are complete.
	Target spec.Target `json:"target"`
	// Servers are the replicas that take the requests, sorted; none means that
	// the gateway answers 503.
	Servers []netip.AddrPort `json:"servers,omitempty"`
	// Spares are warm stale replicas, sorted. They take a request only if none of
	// Servers could (nginx: server ... backup), so a release that dies in its watch
	// window takes along no more than what it was answering.
	Spares []netip.AddrPort `json:"spares,omitempty"`
	// hidden: values of the target have been hidden; see [Location.Hide].
	hidden bool
}

// LocationKey identifies the requests a location takes, whatever becomes of them.
type LocationKey struct {
	Host, Path string
	Exact      bool
}

// Key returns what requests l takes.
func (l Location) Key() LocationKey { return LocationKey{l.Host, l.Path, l.Exact} }

// sendsTo: requests of l may go to a replica at the address.
func (l Location) sendsTo(a netip.Addr) bool {
	at := func(s netip.AddrPort) bool { return s.Addr() == a }
	return slices.ContainsFunc(l.Servers, at) || slices.ContainsFunc(l.Spares, at)
}

// Where is what requests l takes, for people: "host/path", "host=/path" if exact.
func (l Location) Where() string {
	if l.Exact {
		return l.Host + "=" + l.Path
	}
	return l.Host + l.Path
}

// Hash identifies everything of l but its servers and spares.
func (l Location) Hash() string {
	l.Servers, l.Spares = nil, nil
	return hash(l)
}

// Hash identifies the table.
func (t Table) Hash() string { return hash(t) }

// Servers returns every address the table may send requests to, spares included.
func (t Table) Servers() map[netip.AddrPort]bool {
	out := t.Primaries()
	for _, l := range t.Locations {
		for _, a := range l.Spares {
			out[a] = true
		}
	}
	return out
}

// Primaries returns the addresses that requests go to while they answer.
func (t Table) Primaries() map[netip.AddrPort]bool {
	out := map[netip.AddrPort]bool{}
	for _, l := range t.Locations {
		for _, a := range l.Servers {
			out[a] = true
		}
	}
	return out
}

// taker is the location that gets the requests of l while l is not in the table; false
// if none does.
func (t Table) taker(l Location) (best Location, ok bool) {
	host := hostOf(l.Host, t.Locations)
	for _, o := range t.Locations {
		below := strings.HasPrefix(l.Path+"/", strings.TrimSuffix(o.Path, "/")+"/")
		if o.Host == host && !o.Exact && below && (!ok || len(o.Path) > len(best.Path)) {
			best, ok = o, true
		}
	}
	return best, ok
}

// leadsTo: a location of the table is for the service.
func (t Table) leadsTo(service string) bool {
	return slices.ContainsFunc(t.Locations, func(l Location) bool { return l.Target.Service == service })
}

// Sort brings t into its canonical order.
func (t Table) Sort() {
	slices.SortFunc(t.Locations, func(a, b Location) int {
		exact := 0
		if a.Exact != b.Exact {
			exact = -1
			if a.Exact {
				exact = 1
			}
		}
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Path, b.Path), exact)
	})
	for _, l := range t.Locations {
		slices.SortFunc(l.Servers, netip.AddrPort.Compare)
		slices.SortFunc(l.Spares, netip.AddrPort.Compare)
	}
}

func hash(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic("plan: hash: " + err.Error()) // only strings, numbers and addresses
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
