package spec

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// bounds are the limits of one service that are above the machine's.
func (p Policy) bounds(s Service) []Refusal {
	l := p.Limits
	var tmpfs int64
	for _, size := range s.Security.Tmpfs {
		tmpfs = sum(tmpfs, size)
	}
	replicas := int64(cmp.Or(l.Replicas, DefaultReplicas))
	var out []Refusal
	for _, b := range []struct {
		limit      string
		have, most int64
		text       func(int64) string
		field      []string
		of         string
	}{
		{"pids", s.Resources.Pids, cmp.Or(l.Pids, DefaultPids), countText, []string{"resources", "pids"}, "a replica"},
		{"memory", s.Resources.Memory, l.Memory, sizeText, []string{"resources", "memory"}, "a replica"},
		{"log", product(s.Log.MaxSize, int64(s.Log.MaxFiles)), cmp.Or(l.Log, DefaultLog), sizeText, []string{"log"}, "the log of a replica"},
		{"tmpfs", tmpfs, cmp.Or(l.Tmpfs, DefaultTmpfs), sizeText, []string{"security", "tmpfs"}, "all tmpfs of a replica"},
		{"replicas", int64(s.Replicas), replicas, countText, []string{"replicas"}, "a service"},
		{"replicas", int64(s.Rollout.Surge), replicas, countText, []string{"rollout", "surge"}, "a service"},
	} {
		if b.most > 0 && b.have > b.most {
			out = append(out, Refusal{b.field, fmt.Sprintf("%s is more than this machine allows %s", b.text(b.have), b.of),
				fmt.Sprintf("ask for at most %s, or ", b.text(b.most)) + inHostFile("limits: "+b.limit+": "+written(b.have, b.text))})
		}
	}
	return out
}

func countText(n int64) string { return strconv.FormatInt(n, 10) }

// written is a number as it stands in a host file.
func written(n int64, text func(int64) string) string {
	if s := text(n); strings.Trim(s, "0123456789kmg") == "" && strings.ContainsAny(s, "kmg") {
		return strconv.Quote(s)
	}
	return countText(n)
}

// RefuseSite returns what the machine does not let a site have as a whole. All its
// services are then refused, since none can be picked.
func (p Policy) RefuseSite(site Site) []Refusal {
	l := p.Limits
	if l.SiteReplicas == 0 && l.SiteMemory == 0 {
		return nil
	}
	var replicas, memory int64
	unbounded := ""
	for _, name := range site.ServiceNames() {
		s := p.Bounded(site.Services[name])
		replicas = sum(replicas, int64(s.Replicas))
		memory = sum(memory, product(int64(s.Replicas), s.Resources.Memory))
		if s.Replicas > 0 && s.Resources.Memory == 0 && unbounded == "" {
			unbounded = name
		}
	}
	var out []Refusal
	if most := int64(l.SiteReplicas); most > 0 && replicas > most {
		out = append(out, Refusal{nil, fmt.Sprintf("the site asks for %s, more than this machine allows a site", Count(int(replicas), "replica")),
			fmt.Sprintf("ask for at most %d, or ", most) + inHostFile(fmt.Sprintf("limits: site: replicas: %d", replicas))})
	}
	switch most := l.SiteMemory; {
	case most == 0:
	case unbounded != "":
		out = append(out, Refusal{nil, "service " + unbounded + " has no limit of memory, and this machine bounds that of the site",
			"set its `resources: memory`, or " + inHostFile(`limits: memory: "512m"`) + ", which holds for all that set none"})
	case memory > most:
		out = append(out, Refusal{nil, fmt.Sprintf("the site asks for %s of memory, more than this machine allows a site", sizeText(memory)),
			fmt.Sprintf("ask for at most %s, or ", sizeText(most)) + inHostFile("limits: site: memory: "+written(memory, sizeText))})
	}
	return out
}

// sum and product stop at the largest number.
func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func product(a, b int64) int64 {
	if a > 0 && b > math.MaxInt64/a {
		return math.MaxInt64
	}
	return a * b
}

// sizeText writes a size as specs do, in its largest whole unit.
func sizeText(n int64) string {
	for _, unit := range []struct {
		bytes int64
		name  string
	}{{1 << 30, "g"}, {1 << 20, "m"}, {1 << 10, "k"}} {
		if n >= unit.bytes && n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.name
		}
	}
	return Count(int(n), "byte")
}

// cutPort splits at the last colon.
func cutPort(text string) (host, port string) {
	i := strings.LastIndexByte(text, ':')
	return text[:max(0, i)], text[i+1:]
}

func portNumber(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err == nil && n == 0 {
		err = errors.New("0 is not a port")
	}
	return uint16(n), err
}

// CheckPublish says what is wrong with an entry of [Policy.Publish]. It is
// "ADDRESS:PORTS": the address is one of the machine's, or * for each; the ports are
// one, "8000-8099", or * for each.
func CheckPublish(text string) error {
	_, _, _, err := parsePublish(text)
	return err
}

func parsePublish(text string) (addr netip.Addr, from, to uint16, err error) {
	host, ports := cutPort(text)
	if host != "*" {
		if addr, err = netip.ParseAddr(strings.Trim(host, "[]")); err != nil || strings.Contains(host, ":") != strings.HasPrefix(host, "[") {
			return addr, 0, 0, fmt.Errorf("%q is not an address and ports; write ADDRESS:PORTS such as 203.0.113.7:5432, *:8000-8099 or 0.0.0.0:*", text)
		}
	}
	if ports == "*" {
		return addr, 1, math.MaxUint16, nil
	}
	first, last, isRange := strings.Cut(ports, "-")
	if !isRange {
		last = first
	}
	from, err = portNumber(first)
	to, err2 := portNumber(last)
	if err != nil || err2 != nil || from > to {
		return addr, 0, 0, fmt.Errorf("%q has no ports; write one such as 5432, a range such as 8000-8099, or *", text)
	}
	return addr, from, to, nil
}

// within: the entry of a machine's list allows publishing the port.
func (c Claim) within(entry string) bool {
	addr, from, to, err := parsePublish(entry)
	return err == nil && (!addr.IsValid() || addr.Unmap() == c.Host.Addr()) && from <= c.Host.Port() && c.Host.Port() <= to
}

// CheckCapability says what is wrong with the name of a capability that a machine
// allows.
func CheckCapability(name string) error {
	if name == "ALL" || slices.Contains(allCapabilities, name) {
		return nil
	}
	guess := cmp.Or(suggest(name, append(allCapabilities, "ALL")), `write "ALL", or one as of capabilities(7) without CAP_`)
	return fmt.Errorf("there is no capability %q; %s", name, guess)
}
