package spec

import (
	"cmp"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// A Policy is what a machine lets specs have of it. The zero Policy is that of a
// machine whose host file says nothing, and allows the least. Specs are trusted for what
// runs in containers, and not with the machine.
type Policy struct {
	// Capabilities are those that a service may add (security.capAdd) beyond
	// [Policy.Granted]; "ALL" allows every one.
	Capabilities []string `json:"capabilities,omitempty"`
	// Keep are those of [Withheld] that every replica has without adding them.
	Keep []string `json:"keep,omitempty"`
	// Publish are the addresses and ports beyond loopback that may be published; see
	// [CheckPublish] for the form.
	Publish []string `json:"publish,omitempty"`
	// Listeners are the TCP addresses that havn itself listens on, ":PORT" or
	// "ADDRESS:PORT". No service gets one.
	Listeners []string `json:"listeners,omitempty"`
	// Binds are the directories that may be mounted, with all that is below them.
	Binds []string `json:"binds,omitempty"`
	// Private are havn's own directories, which are never mounted.
	Private []string `json:"private,omitempty"`
	Limits  Limits   `json:"limits,omitzero"`
}

// Limits are upper bounds of what a service may ask for. 0 is the default bound, or no
// bound where there is no default.
type Limits struct {
	// Memory is the most one replica may have, in bytes, and what one gets whose
	// service says nothing. No default.
	Memory int64 `json:"memory,omitempty"`
	// Pids is the most processes and threads of one replica.
	Pids int64 `json:"pids,omitempty"`
	// Log is the most that the log of one replica may occupy, in bytes.
	Log int64 `json:"log,omitempty"`
	// Tmpfs is the most that all tmpfs of one replica may hold together, in bytes.
	Tmpfs int64 `json:"tmpfs,omitempty"`
	// Replicas is the most replicas of one service, and its largest surge.
	Replicas int `json:"replicas,omitempty"`
	// SiteReplicas and SiteMemory bound the sums over the site's services. No
	// defaults: the subnet bounds the replicas.
	SiteReplicas int   `json:"siteReplicas,omitempty"`
	SiteMemory   int64 `json:"siteMemory,omitempty"`
	// GatewayMemory, in bytes, and GatewayPids bound the container of the gateway. The
	// defaults are half of the machine's memory and [DefaultGatewayPids].
	GatewayMemory int64 `json:"gatewayMemory,omitempty"`
	GatewayPids   int64 `json:"gatewayPids,omitempty"`
}

// The bounds of a machine whose host file names none.
const (
	DefaultPids     = 4096
	DefaultLog      = 1 << 30
	DefaultTmpfs    = 1 << 30
	DefaultReplicas = 100

	DefaultGatewayPids = 1024
)

// Withheld are those capabilities of Docker's default set that replicas do not get
// unasked: raw sockets reach neighbours on the network (ARP), and the others make device
// nodes, files with capabilities, and records in the kernel's audit log, none of which a
// service needs.
var Withheld = []string{"AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP"}

// granted are the others of Docker's default set.
var granted = []string{
	"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

// Granted are the capabilities that every replica has unless its service drops them.
func (p Policy) Granted() []string { return slices.Concat(granted, p.Keep) }

// A Refusal is one thing that a machine does not let a service have.
type Refusal struct {
	// Field is where the service asks for it, such as security, capAdd, [0].
	Field []string
	// What is refused, and Do what to do about it.
	What, Do string
}

// String is for people: "security.capAdd[0]: what; what to do".
func (r Refusal) String() string {
	text := r.What
	if len(r.Field) > 0 {
		text = pathText(r.Field) + ": " + text
	}
	return text + "; " + r.Do
}

// Refuse returns what the machine does not let the service have, nothing if it may run.
// What only the file system can tell of binds is not in it.
func (p Policy) Refuse(s Service) []Refusal {
	return slices.Concat(p.capabilities(s), p.ports(s), p.binds(s), p.bounds(s))
}

// inHostFile is how a machine's policy is changed.
func inHostFile(line string) string { return "write `" + line + "` in this machine's host file" }

// bareCapability is a capability's name as in capabilities(7) without CAP_.
func bareCapability(name string) string { return strings.TrimPrefix(name, "CAP_") }

func (p Policy) capabilities(s Service) []Refusal {
	if slices.Contains(p.Capabilities, "ALL") {
		return nil
	}
	var out []Refusal
	for i, name := range s.Security.CapAdd {
		bare := bareCapability(name)
		if slices.Contains(p.Granted(), bare) || slices.Contains(p.Capabilities, bare) {
			continue
		}
		out = append(out, Refusal{[]string{"security", "capAdd", index(i)}, "this machine does not allow the capability " + name,
			"remove it, or " + inHostFile(fmt.Sprintf("allowCapabilities: [%q]", bare))})
	}
	return out
}

// Drop are the capabilities that a replica is to be made without: those that the
// service drops, and of Docker's default set those that it does not get unasked.
func (p Policy) Drop(s Service) []string {
	out := slices.Clone(s.Security.CapDrop)
	if slices.Contains(out, "ALL") || slices.Contains(s.Security.CapAdd, "ALL") {
		return out
	}
	names := func(list []string, bare string) bool {
		return slices.ContainsFunc(list, func(name string) bool { return bareCapability(name) == bare })
	}
	for _, name := range Withheld {
		if !slices.Contains(p.Keep, name) && !names(s.Security.CapAdd, name) && !names(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Bounded returns the service with the limits that the machine gives it where it asks
// for none.
func (p Policy) Bounded(s Service) Service {
	s.Resources.Memory = cmp.Or(s.Resources.Memory, p.Limits.Memory)
	return s
}

func (p Policy) ports(s Service) []Refusal {
	var out []Refusal
	for _, name := range sortedKeys(s.Ports) {
		port := s.Ports[name]
		at, err := netip.ParseAddrPort(port.Host)
		if err != nil {
			continue // not published, or refused by the rules of specs
		}
		field := []string{"ports", name, "host"}
		mine := portClaim(at, port.Protocol)
		if own := p.listener(mine); own != "" {
			out = append(out, Refusal{field, fmt.Sprintf("%s is taken by havn itself, which listens on %s", port.Host, own), "publish another port"})
		} else if !mine.Host.Addr().IsLoopback() && !slices.ContainsFunc(p.Publish, mine.within) {
			out = append(out, Refusal{field, "this machine does not allow publishing " + port.Host,
				fmt.Sprintf(`publish "127.0.0.1:%d", or `, at.Port()) + inHostFile(fmt.Sprintf("allowPublish: [%q]", port.Host))})
		}
	}
	return out
}

// listener is the listener of havn's own that the port collides with, "" if none.
func (p Policy) listener(mine Claim) string {
	for _, l := range p.Listeners {
		host, digits := cutPort(l)
		addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil {
			addr = netip.IPv4Unspecified() // every address, or a name that may be any
		}
		number, _ := portNumber(digits)
		if mine.Conflicts(portClaim(netip.AddrPortFrom(addr, number), "tcp")) {
			return l
		}
	}
	return ""
}

func (p Policy) binds(s Service) []Refusal {
	var out []Refusal
	for _, at := range sortedKeys(s.Binds) {
		if why, do := p.Bindable(s.Binds[at]); why != "" {
			out = append(out, Refusal{[]string{"binds", at}, why, do})
		}
	}
	return out
}

// neverBound are the places whose contents are keys to the machine.
var neverBound = []string{"/proc", "/sys", "/dev", "/etc", "/root", "/run", "/var/run", "/var/lib/docker", "/var/lib/containerd", "/boot"}

// NeverBound are the directories of which nothing is ever mounted.
func (p Policy) NeverBound() []string { return slices.Concat(neverBound, p.Private) }

// Bindable says why the machine does not let a path of its own be mounted, by the path
// alone: the answer does not depend on what exists. "" is that it may be.
func (p Policy) Bindable(source string) (why, do string) {
	for _, never := range p.NeverBound() {
		if Below(source, never) || Below(never, source) {
			return source + " is never mounted: it is, or holds, " + never, "mount another directory"
		}
	}
	if slices.ContainsFunc(p.Binds, func(dir string) bool { return Below(source, dir) }) {
		return "", ""
	}
	return "this machine does not allow mounting " + source, inHostFile(fmt.Sprintf("allowBind: [%q]", path.Clean(source))) + " (--allow-bind)"
}

// Below: p is dir or lies in it. Links are not followed.
func Below(p, dir string) bool {
	p, dir = path.Clean(p), path.Clean(dir)
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}
