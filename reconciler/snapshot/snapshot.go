package snapshot

import (
	"net/netip"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Format and Version say what kind of file it is.
const (
	Format  = "havn host snapshot"
	Version = 2
)

// A Snapshot is a host at one moment. Lists are sorted and maps are written sorted:
// the same host, the same bytes but for At.
type Snapshot struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	// Sum is the hex SHA-256 of the file without it: a snapshot that was damaged or
	// edited is refused.
	Sum string `json:"sum"`

	Site string `json:"site"`
	// Host is what `on` in specs is compared with.
	Host spec.Host `json:"host"`
	At   time.Time `json:"at"`
	// Havn is the version of the havn that wrote it.
	Havn    string  `json:"havn"`
	Machine Machine `json:"machine"`

	// Revision is the one that was wanted, and Pins what its image references were
	// resolved to.
	Revision string            `json:"revision"`
	Pins     map[string]string `json:"pins"`

	Network Network `json:"network"`
	// Releases are those that Containers and Good mean by their index.
	Releases   []Release         `json:"releases"`
	Containers []Container       `json:"containers"`
	Good       map[string]int    `json:"good"`
	Verdicts   []Verdict         `json:"verdicts"`
	Taken      map[string]string `json:"taken"`
	// Volumes are by name, with why one can't be used.
	Volumes map[string]string `json:"volumes"`
	Images  map[string]Image  `json:"images"`
	// Strangers are containers that are not havn's and concern the site, with what they are.
	Strangers map[string]string `json:"strangers,omitempty"`
	// Binds are paths of the machine that can't be mounted, with why.
	Binds map[string]string `json:"binds,omitempty"`
	// Ports are host ports that can't be had, with why.
	Ports map[string]string `json:"ports,omitempty"`
	Nginx Nginx             `json:"nginx"`
}

// Machine is how the host's havn was started, as far as it matters to people who
// read a plan.
type Machine struct {
	HTTP    string `json:"http"`
	Gateway string `json:"gateway"`
	Nginx   string `json:"nginx"`
	// Policy is what the machine lets specs have of it.
	Policy spec.Policy `json:"policy"`
	// Told is all that it was told, by the names of the flags; null in a file of an older
	// havn.
	Told map[string]string `json:"told,omitempty"`
}

// Network is [plan.Network].
type Network struct {
	Exists  bool         `json:"exists"`
	Problem string       `json:"problem,omitempty"`
	Fixed   netip.Prefix `json:"fixed"`
	Taken   []netip.Addr `json:"taken,omitempty"`
	// Quarantine are addresses that were not to be given away just then.
	Quarantine []netip.Addr `json:"quarantine,omitempty"`
}

// A Release is a release without what may be secret.
type Release struct {
	// Fingerprint is short.
	Fingerprint spec.Fingerprint `json:"fingerprint"`
	ImageID     string           `json:"imageID"`
	Service     spec.Service     `json:"service"`
}

// A Container is [plan.Container].
type Container struct {
	Name        string           `json:"name"`
	ID          string           `json:"id"`
	Service     string           `json:"service"`
	Fingerprint spec.Fingerprint `json:"fingerprint"`
	Slot        int              `json:"slot"`
	Release     int              `json:"release"`
	Addr        netip.Addr       `json:"addr"`
	State       plan.State       `json:"state"`
	Restarts    int              `json:"restarts,omitempty"`
	ExitCode    int              `json:"exitCode,omitempty"`
	OOM         bool             `json:"oom,omitempty"`
	CreatedAt   time.Time        `json:"createdAt"`
	StartedAt   time.Time        `json:"startedAt,omitzero"`
	Checked     bool             `json:"checked,omitempty"`
	Check       plan.Check       `json:"check,omitzero"`
	Ready       bool             `json:"ready,omitempty"`
	Unhealthy   bool             `json:"unhealthy,omitempty"`
	HealthSince time.Time        `json:"healthSince,omitzero"`
	Drift       string           `json:"drift,omitempty"`
	Unreachable bool             `json:"unreachable,omitempty"`
}

// A Verdict is [plan.Verdict], without what the release said.
type Verdict struct {
	Service     string           `json:"service"`
	Fingerprint spec.Fingerprint `json:"fingerprint"`
	Reason      string           `json:"reason"`
	At          time.Time        `json:"at"`
}

// An Image is [plan.Image].
type Image struct {
	ID          string `json:"id"`
	Healthcheck bool   `json:"healthcheck,omitempty"`
	Problem     string `json:"problem,omitempty"`
	// Word is brief.
	Word *plan.Word `json:"word,omitempty"`
}

// Nginx is [plan.Gateway].
type Nginx struct {
	Running    bool                         `json:"running"`
	Lost       bool                         `json:"lost,omitempty"`
	Generation int                          `json:"generation"`
	Problem    string                       `json:"problem,omitempty"`
	Locations  []Location                   `json:"locations"`
	Own        []Location                   `json:"own,omitempty"`
	Routed     map[netip.AddrPort]time.Time `json:"routed"`
	Unrouted   map[netip.AddrPort]Drain     `json:"unrouted,omitempty"`
	// Rejected are the first digits of the hashes of locations.
	Rejected []string `json:"rejected,omitempty"`
}

// A Location is a location without what may be secret.
type Location struct {
	// Hash is the first digits of [plan.Location.Hash].
	Hash string `json:"hash"`
	plan.Location
}

// A Drain is [plan.Drain].
type Drain struct {
	Since time.Time `json:"since"`
	Quiet bool      `json:"quiet,omitempty"`
	Done  bool      `json:"done,omitempty"`
}
