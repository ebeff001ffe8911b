package plan

import (
	"net/netip"
	"time"

	"havn.internal/spec"
)

// Observed is the host as one pass found it, and what havn remembers about it.
// It is complete: a pass that could not observe everything does not plan.
type Observed struct {
	// Site is the name that the owned objects carry in their havn.site label.
	Site    string
	Network Network
	// Containers are the replicas havn owns, in any state, by name.
	Containers map[string]Container
	// Taken are names of containers that exist and are not ours, with what is
	// known of their owner. A replica that would need one is blocked.
	Taken map[string]string
	// Volumes are the Docker volumes of the site, by the name in the spec: also those
	// that the site no longer wants, for a release to go back to may mount them.
	Volumes map[string]Volume
	// Images are the references the site wants, as resolved for its revision.
	Images  map[string]Image
	Gateway Gateway
	// Strangers are containers that are not havn's and concern the site all the same, by
	// name, each with what it is: on the site's network, or with labels of the site's.
	Strangers map[string]string
	// Policy is what the machine lets specs have of it.
	Policy spec.Policy
	// Binds are paths of the machine that services would mount and can't, each with
	// what keeps them from it.
	Binds map[string]string
	// Ports are host ports that services would publish and can't, by [spec.Claim.String],
	// each with the reason. None is one that a replica of the site claims.
	Ports map[string]string
	// Own are the locations that the host wants beside those of the site.
	Own []Location
	// Verdicts are the condemned releases.
	Verdicts map[VerdictKey]Verdict
	// LastGood is the release of each service that last was proven: all replicas
	// ready and routed, and the watch window passed.
	LastGood map[string]spec.Release
	// InFlight are the acts that have been started and have not ended, by
	// [Action.Key].
	InFlight map[string]Action
	// Failures are acts that failed and may not be tried before a time, by
	// [Action.Key]. They are failures of the infrastructure.
	Failures map[string]Failure
	// Trying is since when a release has made no progress though nothing but its own
	// replicas is waited for; see [Standing.Trying].
	Trying map[VerdictKey]time.Time
	// Repairs are how often replicas of a release have drifted of late.
	Repairs map[VerdictKey]Repair
	// Quarantine are addresses not to be given to a new replica yet, since an
	// old worker of the gateway may still mean their former holder.
	Quarantine map[netip.Addr]bool
	// PruneAllowed: a person has agreed that more is removed at once than the
	// prune budget allows.
	PruneAllowed bool
	// Stored are the images on the host by content address; nil if they are not known.
	Stored map[string]StoredImage
	// Fetched are those that havn fetched for the site, by content address, and Recall
	// the images that a rollback may want: of the good releases of a service, and of the
	// good revisions under "".
	Fetched map[string]FetchedImage
	Recall  map[string][]string
	// Retention says when images go that nothing needs.
	Retention Retention
}

// Network is the site's bridge network.
type Network struct {
	Exists bool
	// Problem is why it can't be used: it is not ours, or has another subnet.
	Problem string
	// Fixed is the part of the subnet that havn assigns from, outside Docker's
	// own --ip-range.
	Fixed netip.Prefix
	// Taken are addresses in Fixed that containers which are not ours hold.
	Taken map[netip.Addr]bool
}

// State is what Docker says of a container.
type State string

const (
	Created    State = "created"
	Running    State = "running"
	Restarting State = "restarting" // between a crash and Docker's next try
	Paused     State = "paused"
	Exited     State = "exited"
	Dead       State = "dead"
	Removing   State = "removing"
)

// A Container is one replica.
type Container struct {
	ID   string
	Name string
	// Identity, from the labels set at creation.
	Service     string
	Fingerprint spec.Fingerprint
	Revision    string
	Slot        int
	// Release is what the container was made from, without file contents.
	Release spec.Release
	// Addr is the fixed address havn gave it.
	Addr  netip.Addr
	State State
	// Restarts counts the times Docker restarted it.
	Restarts int
	ExitCode int
	// OOM is set if the kernel killed it for its memory limit.
	OOM bool
	// CreatedAt is Docker's clock; only compared with other containers' values.
	CreatedAt time.Time
	// StartedAt is when havn first saw this run of it.
	StartedAt time.Time
	// Checked: Docker runs a HEALTHCHECK in it (the image's or an exec check),
	// and Health is Docker's. Otherwise Health is havn's own probe's.
	Checked bool
	// Check is when Docker runs it.
	Check  Check
	Health Health
	// Drift names the part of its effective configuration that is not what the
	// release asks for, with what it is and should be; empty if none is.
	Drift string
	// Unreachable: it is not connected to the network at its address, so no request gets
	// to it whatever its health.
	Unreachable bool
}

// A Repair is how it stands with drift that comes back.
type Repair struct {
	// Count is how often in a row, At when the last time.
	Count int
	At    time.Time
	// Next is when it is repaired again; until then it is left alone.
	Next time.Time
}

// Unprobed: it runs and no probe has answered yet, as after a restart of havn. It
// may well be ready, so it is not to be given up.
func (c Container) Unprobed() bool { return c.State == Running && c.Health == Health{} }

// Health is what the probes of a replica say.
type Health struct {
	// Ready: the check has passed its success threshold and not failed since.
	Ready bool
	// Unhealthy: it has failed its failure threshold; only after the start
	// period, or after having been ready.
	Unhealthy bool
	// Since is when the present Ready or Unhealthy began.
	Since time.Time
	// Last is the last probe's result for people, in havn's own words:
	// "GET :8080/healthz: 503 Service Unavailable". It becomes part of reasons.
	Last string
	// Said is what the program answered, or its check printed. It may hold anything, and
	// never becomes part of a reason.
	Said string
}

// Volume is a named volume on the host.
type Volume struct {
	// Problem is why it can't be used: it exists and is not the site's.
	Problem string
}

// Image is what is known of a reference.
type Image struct {
	// ID is the content address, "sha256:..."; empty if the image is not on the
	// host.
	ID string
	// Pulled: the registry has been asked for it since the revision came.
	Pulled bool
	// HasHealthcheck: the image defines a HEALTHCHECK.
	HasHealthcheck bool
	// Word is what the image says of its containers; nil if that is not known.
	Word *Word
	// Problem is why it can't be used though it is there, such as another
	// platform.
	Problem string
}

// Gateway is nginx as havn drives it.
type Gateway struct {
	// Running: it answers with a confirmed generation.
	Running bool
	// Lost: nginx of the site's runs, and its directory has gone with all that it was
	// told: it serves somebody, and can neither be read nor changed.
	Lost bool
	// Generation counts the confirmed configurations.
	Generation int
	// Table is the confirmed route table.
	Table Table
	// Routed is when each routed address entered the table, and Unrouted when
	// those that left it did; addresses still not drained are in Unrouted.
	Routed   map[netip.AddrPort]time.Time
	Unrouted map[netip.AddrPort]Drain
	// Rejected are locations that nginx refused, by [Location.Hash]; they are
	// not tried again until they change.
	Rejected map[string]string
	// Problem is why it does not run: the port is taken by somebody, say.
	Problem string
}

// Drain is the passage of a replica that is not routed any more.
type Drain struct {
	Since time.Time
	// Quiet: no connection to it has been seen for a moment. A request may still
	// come, of which a worker is receiving the body.
	Quiet bool
	// Done: no worker that could still send it a request is left.
	Done bool
}

// VerdictKey names a release of a service.
type VerdictKey struct {
	Service     string
	Fingerprint spec.Fingerprint
}

// A Verdict is why a release is condemned.
type Verdict struct {
	Reason string
	At     time.Time
}

// A Failure is an act that failed.
type Failure struct {
	Err string
	// Release: the fault lies with the release, not with the host.
	Release bool
	// Count is how often in a row.
	Count int
	// Retry is when it may be tried again.
	Retry time.Time
}
