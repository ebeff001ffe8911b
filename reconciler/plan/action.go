package plan

import (
	"fmt"
	"net/netip"
	"time"

	"havn.internal/spec"
)

// An Action is one act on the host, as data. The set is sealed.
type Action interface {
	// String is the act for people, the same in logs, plans and transcripts.
	String() string
	// Key names the object the act is about. Two acts of one key never run at
	// the same time.
	Key() string
	action()
}

// CreateNetwork makes the site's bridge network.
type CreateNetwork struct{}

// CreateVolume makes a named volume.
type CreateVolume struct{ Volume spec.Volume }

// Pull fetches an image from its registry.
type Pull struct {
	Image    string
	Deadline time.Duration
}

// Start creates a replica if it is not there, and starts it. Doing it again is
// harmless.
type Start struct {
	Name        string
	Slot        int
	Fingerprint spec.Fingerprint
	Release     spec.Release
	Revision    string
	Addr        netip.Addr
}

// Prepare creates a replica and does not start it: what the engine refuses, and a host port
// that is taken, is known before anything is stopped for the replica. Doing it again is
// harmless.
type Prepare struct{ Start Start }

// Stop ends a replica: its stop signal, and SIGKILL after the grace.
type Stop struct {
	Name, ID string
	Signal   string
	Grace    time.Duration
}

// Remove deletes a container that does not run. Named volumes stay.
type Remove struct{ Name, ID string }

// StartGateway brings nginx up with the last confirmed table.
type StartGateway struct{}

// SetRoutes makes the gateway follow a table, whole or not at all.
type SetRoutes struct{ Table Table }

// Condemn gives a verdict on a release.
type Condemn struct {
	Service     string
	Fingerprint spec.Fingerprint
	Reason      string
}

// Prove records a release as the service's last good one.
type Prove struct {
	Service     string
	Fingerprint spec.Fingerprint
	Release     spec.Release
}

func (CreateNetwork) Key() string  { return "network" }
func (a CreateVolume) Key() string { return "volume " + a.Volume.Name }
func (a Pull) Key() string         { return "image " + a.Image }
func (a Start) Key() string        { return "container " + a.Name }
func (a Prepare) Key() string      { return a.Start.Key() }
func (a Stop) Key() string         { return "container " + a.Name }
func (a Remove) Key() string       { return "container " + a.Name }
func (StartGateway) Key() string   { return "gateway" }
func (SetRoutes) Key() string      { return "gateway" }
func (a Condemn) Key() string      { return "verdict " + a.Service }
func (a Prove) Key() string        { return "verdict " + a.Service }

func (CreateNetwork) String() string  { return "create network" }
func (a CreateVolume) String() string { return "create volume " + a.Volume.Name }
func (a Pull) String() string         { return "pull " + a.Image }
func (a Start) String() string        { return fmt.Sprintf("start %s at %s", a.Name, a.Addr) }
func (a Prepare) String() string      { return fmt.Sprintf("create %s at %s", a.Start.Name, a.Start.Addr) }
func (a Stop) String() string         { return "stop " + a.Name }
func (a Remove) String() string       { return "remove " + a.Name }
func (StartGateway) String() string   { return "start gateway" }
func (a SetRoutes) String() string    { return "route " + spec.Count(len(a.Table.Locations), "location") }
func (a Condemn) String() string      { return "condemn release " + a.Fingerprint.Short() }
func (a Prove) String() string        { return "prove release " + a.Fingerprint.Short() }

func (CreateNetwork) action() {}
func (CreateVolume) action()  {}
func (Pull) action()          {}
func (Start) action()         {}
func (Prepare) action()       {}
func (Stop) action()          {}
func (Remove) action()        {}
func (StartGateway) action()  {}
func (SetRoutes) action()     {}
func (Condemn) action()       {}
func (Prove) action()         {}

// ContainerName is the name of a replica. It is never changed: a new
// fingerprint or slot is a new container.
func ContainerName(service string, f spec.Fingerprint, slot int) string {
	return fmt.Sprintf("%s-%s-%d", service, f.Short(), slot)
}
