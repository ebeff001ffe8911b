package nginx

import (
	"bufio"
	"encoding/hex"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A sight is one look at the machine's connections. What is not asked for is not
// read.
type sight struct {
	looked bool
	failed bool
	// to has the inodes of the connections to each address.
	to map[netip.AddrPort][]string
	// held are the sockets of each worker; nil if they can't be seen.
	held map[worker]map[string]bool
}

// connected: one of the workers has a connection to the address. Others' do not
// count: havn's own probes, say. What can't be seen counts.
func (s *sight) connected(addr netip.AddrPort, ws []worker) bool {
	if !s.looked {
		s.to, s.failed = established()
		s.looked, s.held = true, map[worker]map[string]bool{}
	}
	if s.failed {
		return true
	}
	inodes := s.to[addr]
	return len(inodes) > 0 && slices.ContainsFunc(ws, func(w worker) bool {
		held, known := s.held[w]
		if !known {
			held = w.sockets()
			s.held[w] = held
		}
		if held == nil {
			return w.alive()
		}
		return slices.ContainsFunc(inodes, func(i string) bool { return held[i] })
	})
}

// established returns the remote ends of this network namespace's established
// IPv4 connections, and the inodes of their sockets (/proc/net/tcp,
// proc_net_tcp(5)): nginx is on the host network.
func established() (to map[netip.AddrPort][]string, failed bool) {
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return nil, true
	}
	defer func() { _ = f.Close() }()
	to = map[netip.AddrPort][]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		const remote, state, inode = 2, 3, 9
		if len(fields) <= inode || fields[state] != "01" {
			continue
		}
		if a, ok := parseHexAddr(fields[remote]); ok {
			to[a] = append(to[a], fields[inode])
		}
	}
	return to, lines.Err() != nil
}

// parseHexAddr reads "0101007F:1F90": the address in the machine's byte order,
// little-endian on all havn runs on.
func parseHexAddr(s string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(s, ":")
	b, err := hex.DecodeString(host)
	if !ok || err != nil || len(b) != 4 {
		return netip.AddrPort{}, false
	}
	p, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{b[3], b[2], b[1], b[0]}), uint16(p)), true
}
