package nginx

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// A listener is the address nginx serves HTTP on, in the one form it is always
// written.
type listener struct {
	directives []string
	// probe is where this machine reaches it.
	probe string
	local []netip.Addr
	port  string
}

// CheckAddress says what is wrong with an address to serve HTTP on.
func CheckAddress(addr string) error {
	_, err := parseListener(addr)
	return err
}

// parseListener reads ":80" or "IP:PORT".
func parseListener(addr string) (listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return listener{}, fmt.Errorf("%q: want :PORT or IP:PORT", addr)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return listener{}, fmt.Errorf("%q: want a port from 1 to 65535", addr)
	}
	port = strconv.FormatUint(n, 10)
	l := listener{port: port, local: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}}
	if host == "" || host == "0.0.0.0" {
		l.directives, l.probe = []string{port}, net.JoinHostPort("127.0.0.1", port)
		if host == "" && hasIPv6() {
			l.directives = append(l.directives, "[::]:"+port)
		}
		return l, nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Zone() != "" {
		return listener{}, fmt.Errorf("%q: want :PORT or IP:PORT, and %q is no IP address that nginx can listen on", addr, host)
	}
	l.directives, l.probe = []string{net.JoinHostPort(ip.String(), port)}, net.JoinHostPort(ip.String(), port)
	if !ip.IsLoopback() {
		l.local = append(l.local, ip)
	}
	return l, nil
}

func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::]:0")
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// taken says who has the listener's address, "" if nobody has.
func (l listener) taken() string {
	for _, d := range l.directives {
		addr := d
		if !strings.Contains(d, ":") {
			addr = "0.0.0.0:" + d
		}
		probe, err := net.Listen("tcp", addr)
		if err == nil {
			_ = probe.Close()
			continue
		}
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Sprintf("port %s is taken by %s; stop it, or give havn another port with --http", l.port, holder(netip.MustParseAddrPort(addr)))
		}
		if errors.Is(err, syscall.EACCES) {
			return fmt.Sprintf("port %s needs root", l.port)
		}
	}
	return ""
}

// holder names the process that listens on an address, or on one that excludes it: its
// socket's inode stands in /proc/net/tcp, and among its descriptors.
func holder(at netip.AddrPort) string {
	inodes := listening(at)
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		to, err := os.Readlink(link)
		if err != nil || !inodes[strings.TrimSuffix(strings.TrimPrefix(to, "socket:["), "]")] {
			continue
		}
		pid := strings.Split(link, "/")[2]
		comm, _ := os.ReadFile("/proc/" + pid + "/comm")
		cgroup, _ := os.ReadFile("/proc/" + pid + "/cgroup")
		where := ""
		if id := containerID.Find(cgroup); id != nil {
			where = fmt.Sprintf(", in container %.12s", id)
		}
		return fmt.Sprintf("process %s (pid %s%s)", strings.TrimSpace(string(comm)), pid, where)
	}
	return "another process"
}

var containerID = regexp.MustCompile(`[0-9a-f]{64}`)

// listening returns the inodes of the sockets that listen on an address, or on all
// addresses; or, if it stands for all, on any of its port.
func listening(at netip.AddrPort) map[string]bool {
	out := map[string]bool{}
	port := fmt.Sprintf("%04X", at.Port())
	excludes := func(ip string) bool {
		return at.Addr().IsUnspecified() || strings.Trim(ip, "0") == "" || ip == hexOf(at.Addr()) || ip == hexOf(netip.AddrFrom16(at.Addr().As16()))
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			const local, state, inode = 1, 3, 9
			if len(fields) <= inode || fields[state] != "0A" {
				continue
			}
			if ip, its, _ := strings.Cut(fields[local], ":"); its == port && excludes(ip) {
				out[fields[inode]] = true
			}
		}
		_ = f.Close()
	}
	return out
}

// hexOf is an address as /proc/net/tcp has it: 32-bit words in the machine's byte order,
// little-endian on all havn runs on.
func hexOf(a netip.Addr) string {
	b := a.AsSlice()
	for i := 0; i < len(b); i += 4 {
		slices.Reverse(b[i : i+4])
	}
	return strings.ToUpper(hex.EncodeToString(b))
}
