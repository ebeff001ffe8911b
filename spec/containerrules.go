package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// container: what Docker or the kernel refuses of every container, told before one is
// started.
func (r *ruler) container(s Service, at []string) {
	if name := s.Stop.Signal; name != "" && unix.SignalNum(name) == 0 && !realTime.MatchString(name) {
		r.fail(sub(at, "stop", "signal"), "there is no signal "+name, `write one of signal(7), such as "SIGTERM"`)
	}
	r.dockerCheck(s, sub(at, "health"))
	r.readable(s, at)
	r.capabilities(s.Security.CapAdd, sub(at, "security", "capAdd"))
	r.capabilities(s.Security.CapDrop, sub(at, "security", "capDrop"))
	for i, name := range s.Security.CapDrop {
		if slices.Contains(bareNames(s.Security.CapAdd), strings.TrimPrefix(name, "CAP_")) {
			r.fail(sub(at, "security", "capDrop", index(i)), name+" is added and dropped", "remove it from one of the lists")
		}
	}
	for _, dir := range sortedKeys(s.Security.Tmpfs) {
		if s.Security.Tmpfs[dir] == 0 {
			r.fail(sub(at, "security", "tmpfs", dir), "0 is not a limit: the kernel takes it for half of the memory", "set a size above 0")
		}
	}
}

// ShortestCheck is the least time between two checks that Docker runs: each starts a
// process in the container.
const ShortestCheck = Duration(500 * time.Millisecond)

// dockerCheck: what holds of a check that Docker runs.
func (r *ruler) dockerCheck(s Service, at []string) {
	src, h := r.source[s.Name].Health, s.Health
	if h.Kind != HealthExec && h.Kind != HealthImage {
		return
	}
	if src.Interval.set && src.Interval.d < ShortestCheck {
		r.expect(sub(at, "interval"), "at least "+ShortestCheck.String()+", since each check starts a process in the container", src.Interval.d.String())
	}
	if src.Timeout.set {
		r.above(sub(at, "timeout"), src.Timeout.d)
	}
}

// readable: the user of the service can read its files.
func (r *ruler) readable(s Service, at []string) {
	if s.User == "" {
		return
	}
	for _, path := range sortedKeys(s.Files) {
		f := s.Files[path]
		if _, _, ok := f.Owner(s.User); !ok {
			r.fail(sub(at, "files", path, "mode"), fmt.Sprintf("with mode %04o user %q cannot read it: only the image knows which number that user has", f.Mode, s.User),
				"write a mode that lets others read, such as \"0444\", or the user as a number, such as \"1000\"")
		}
	}
}

// realTime are the names that Docker has for signals of signal(7) without one.
var realTime = regexp.MustCompile(`^SIGRT(MIN(\+([1-9]|1[0-5]))?|MAX(-([1-9]|1[0-4]))?)$`)

// allCapabilities are those of capabilities(7).
var allCapabilities = []string{
	"AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE",
	"DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN",
	"MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID",
	"SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE",
	"SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM",
}

func (r *ruler) capabilities(names, at []string) {
	bare := bareNames(names)
	for i, name := range names {
		known := name == "ALL" || slices.Contains(allCapabilities, bare[i])
		switch do := suggest(bare[i], append(allCapabilities, "ALL")); {
		case !known && do != "":
			r.fail(sub(at, index(i)), "there is no capability "+name, do)
		case !known:
			r.fail(sub(at, index(i)), "there is no capability "+name, `write "ALL", or one of capabilities(7)`)
		case slices.Index(bare, bare[i]) < i:
			r.fail(sub(at, index(i)), name+" is in the list twice", "remove one of them")
		case name != "ALL" && slices.Contains(names, "ALL"):
			r.idle(sub(at, index(i)), `"ALL" is in the list, which includes it`)
		}
	}
}

// bareNames are capabilities without the prefix CAP_, which may be left out.
func bareNames(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = strings.TrimPrefix(name, "CAP_")
	}
	return out
}
