package spec

// A Service is a named set of identical replicas.
type Service struct {
	Name string `json:"name"`
	// Image is the reference as the user wrote it; which digest it stands for is
	// decided once per revision, outside this package.
	Image string     `json:"image"`
	Pull  PullPolicy `json:"pull"`

	// Replicas may be 0: the service is known and nothing runs.
	Replicas int `json:"replicas"`

	Command    []string `json:"command,omitempty"`
	Entrypoint []string `json:"entrypoint,omitempty"`
	User       string   `json:"user,omitempty"`
	Workdir    string   `json:"workdir,omitempty"`
	// Init says whether Docker's init (HostConfig.Init) is process 1.
	Init Init `json:"init,omitempty"`
	// Hostname is that of every replica; see [Service.HostnameOf] for what holds if it
	// is empty.
	Hostname string            `json:"hostname,omitempty"`
	Env      map[string]string `json:"env,omitempty"`

	// Files are mounted read-only, keyed by their absolute path in the container.
	Files map[string]File `json:"files,omitempty"`

	// Port is what routes reach unless they name another; 0 if the service
	// listens on nothing.
	Port int `json:"port,omitempty"`
	// Ports are further ports by name.
	Ports map[string]Port `json:"ports,omitempty"`

	// Volumes mounts named volumes, keyed by absolute path in the container.
	Volumes map[string]VolumeMount `json:"volumes,omitempty"`
	// Binds mounts paths of the host, always read-only, keyed by absolute path
	// in the container. Only what the machine's allow-list names is accepted.
	Binds map[string]string `json:"binds,omitempty"`

	Resources Resources `json:"resources"`
	Health    Health    `json:"health"`
	Rollout   Rollout   `json:"rollout"`
	Stop      Stop      `json:"stop"`
	// Needs names the services that have to be ready before a new release of this one
	// starts.
	Needs    []string          `json:"needs,omitempty"`
	Log      Log               `json:"log"`
	Security Security          `json:"security"`
	Labels   map[string]string `json:"labels,omitempty"`
}

// Init says whether Docker's init is process 1 of a replica.
type Init string

const (
	// InitAuto has it, unless the image begins with an init that has to be process 1.
	InitAuto Init = ""
	InitOn   Init = "on"
	InitOff  Init = "off"
)

// PullPolicy says when the registry is asked.
type PullPolicy string

const (
	PullMissing PullPolicy = "missing" // only if the image is not on the host
	PullAlways  PullPolicy = "always"  // once for each revision
	PullNever   PullPolicy = "never"
)

// A File is a configuration file from the spec repository.
type File struct {
	// Content is the file's text. In a stored [Release] it is empty and SHA256
	// stands for it.
	Content string `json:"content,omitempty"`
	// SHA256 is the hex digest of the content; always set.
	SHA256 string `json:"sha256"`
	// Mode is the permission bits, 0444 unless the user said otherwise.
	Mode uint32 `json:"mode"`
}

// A Port is a further port of a service.
type Port struct {
	Port     int    `json:"port"`
	Protocol string `json:"protocol"` // "tcp" or "udp"
	// Host publishes the port on the machine as "ADDRESS:PORT". It can belong to
	// one container at a time, so the service is replaced stop-first.
	Host string `json:"host,omitempty"`
}

// A VolumeMount says how a replica uses a named volume.
type VolumeMount struct {
	Volume   string `json:"volume"`
	ReadOnly bool   `json:"readOnly,omitempty"`
	// Shared declares that several replicas, of two releases even, may write at
	// once. Without it a writable volume has one writer, and the service is
	// replaced stop-first.
	Shared bool `json:"shared,omitempty"`
}

// Resources are the limits of one replica.
type Resources struct {
	// NanoCPUs is the share of processor time in 1e-9 CPUs; 0 for no limit.
	NanoCPUs int64 `json:"nanoCPUs,omitempty"`
	// Memory is the limit in bytes; 0 for no limit.
	Memory int64 `json:"memory,omitempty"`
	// Pids is the limit of processes and threads.
	Pids int64 `json:"pids"`
}

// HealthKind names how a replica's health is found out.
type HealthKind string

const (
	HealthHTTP  HealthKind = "http"
	HealthTCP   HealthKind = "tcp"
	HealthExec  HealthKind = "exec"  // a command in the container, run by Docker
	HealthImage HealthKind = "image" // the image's own HEALTHCHECK
	// HealthAuto is what holds if the spec says nothing: the image's HEALTHCHECK
	// if it has one, else a TCP connection to Port, else running for
	// [Health.Settle].
	HealthAuto HealthKind = "auto"
)

// Health says when a replica is ready, and when it is not any more.
type Health struct {
	Kind HealthKind `json:"kind"`

	Port    int               `json:"port,omitempty"`    // http, tcp
	Path    string            `json:"path,omitempty"`    // http
	Host    string            `json:"host,omitempty"`    // http: Host header
	Headers map[string]string `json:"headers,omitempty"` // http
	// Status is the lowest and highest accepted status code (http).
	Status  [2]int   `json:"status"`
	Command []string `json:"command,omitempty"` // exec

	// Interval is the time between probes of a ready replica; one that is not
	// ready yet is probed faster.
	Interval Duration `json:"interval"`
	Timeout  Duration `json:"timeout"`
	// Successes in a row make a replica ready; Failures in a row make it
	// unhealthy.
	Successes int `json:"successes"`
	Failures  int `json:"failures"`
	// StartPeriod is the time after the start in which failures do not count.
	StartPeriod Duration `json:"startPeriod"`
	// Settle is how long a replica without any check has to run to be ready.
	Settle Duration `json:"settle"`
	// Image is what the spec says of the image's HEALTHCHECK (image, auto).
	Image ImageCheck `json:"image,omitzero"`
}

// An ImageCheck changes the timing of an image's HEALTHCHECK (Docker's
// Config.Healthcheck, without Test). What is 0 is as the image says.
type ImageCheck struct {
	Interval    Duration `json:"interval,omitempty"`
	Timeout     Duration `json:"timeout,omitempty"`
	Failures    int      `json:"failures,omitempty"`
	StartPeriod Duration `json:"startPeriod,omitempty"`
}

// Strategy names how a service passes from one release to the next.
type Strategy string

const (
	Rolling   Strategy = "rolling"   // a few at a time, fresh before stale
	BlueGreen Strategy = "bluegreen" // all fresh replicas, then one switch
	Recreate  Strategy = "recreate"  // stop first: an outage, named in the plan
)

// OnFailure names what becomes of a release that failed.
type OnFailure string

const (
	RollBack OnFailure = "rollback" // traffic returns to the last good release
	Hold     OnFailure = "hold"     // stay as it is and ask for a person
)

// Rollout holds the clocks and bounds of a rollout.
type Rollout struct {
	Strategy Strategy `json:"strategy"`
	// Forced is why Strategy is Recreate though the user did not choose it.
	Forced string `json:"forced,omitempty"`
	// Surge is how many replicas may run above Replicas.
	Surge int `json:"surge"`
	// Watch is how long the stale replicas stay warm after the switch.
	Watch Duration `json:"watch"`
	// Drain bounds the time between "no longer routed" and SIGTERM.
	Drain Duration `json:"drain"`
	// PullDeadline bounds one pull; HealthyDeadline the time from a replica's
	// start to ready; ProgressDeadline the time since the rollout last made
	// progress. HealthyDeadline < ProgressDeadline.
	PullDeadline     Duration  `json:"pullDeadline"`
	HealthyDeadline  Duration  `json:"healthyDeadline"`
	ProgressDeadline Duration  `json:"progressDeadline"`
	OnFailure        OnFailure `json:"onFailure"`
}

// Stop says how a replica is asked to end.
type Stop struct {
	// Signal is the image's (STOPSIGNAL) if it is empty.
	Signal string   `json:"signal,omitempty"`
	Grace  Duration `json:"grace"`
}

// Log bounds what a replica's output may occupy on disk.
type Log struct {
	MaxSize  int64 `json:"maxSize"` // bytes a file
	MaxFiles int   `json:"maxFiles"`
}

// Security narrows what a replica may do. no-new-privileges is always on.
type Security struct {
	ReadOnlyRoot bool     `json:"readOnlyRoot,omitempty"`
	CapAdd       []string `json:"capAdd,omitempty"`
	CapDrop      []string `json:"capDrop,omitempty"`
	// Tmpfs are writable in-memory directories, keyed by absolute path, with the
	// size in bytes.
	Tmpfs map[string]int64 `json:"tmpfs,omitempty"`
}

// HostnameOf is the hostname of a replica in a container of the given name. A service
// of which one replica can run at a time has one name over all releases, since programs
// keep their data under it (RabbitMQ); with more, a slot is no name to keep, as
// replicas of two releases in one slot run at the same time.
func (s Service) HostnameOf(container string) string {
	const longest = 63 // a DNS label's
	switch {
	case s.Hostname != "":
		return s.Hostname
	case s.Exclusive() != "":
		return s.Name
	}
	return container[:min(longest, len(container))]
}

// PortNumber returns the container port a route means by name, "" being the
// main port, and whether there is one.
func (s Service) PortNumber(name string) (int, bool) {
	if name == "" {
		return s.Port, s.Port != 0
	}
	p, ok := s.Ports[name]
	return p.Port, ok && p.Protocol == "tcp"
}
