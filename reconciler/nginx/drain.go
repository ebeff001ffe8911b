package nginx

import (
	"bufio"
	"encoding/hex"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"havn.internal/reconciler/plan"
)

// keepDrained is how long an address that is drained is still reported.
const keepDrained = 10 * time.Minute

// A drain follows an address that left the table. No connection now is not
// enough: an old worker may hold a request that it has not sent on yet, one whose
// body is still coming in. So it is over when every worker of the time has ended;
// or, when some are held by other services' long connections, when none has had a
// connection to the address for longer than a request may take.
type drain struct {
	since   time.Time
	workers []worker
	// quiet is since when there has been no connection to the address.
	quiet time.Time
	done  bool
	ended time.Time
}

// follow updates d. connected are the addresses with an established connection.
func (d *drain) follow(addr netip.AddrPort, connected func() map[netip.AddrPort]bool, now time.Time, limit time.Duration) {
	if d.done {
		return
	}
	if !anyAlive(d.workers) {
		d.done, d.ended = true, now
		return
	}
	if connected()[addr] {
		d.quiet = time.Time{}
		return
	}
	if d.quiet.IsZero() {
		d.quiet = now
	}
	if now.Sub(d.quiet) >= limit {
		d.done, d.ended = true, now
	}
}

// drains are the addresses that left the table.
type drains map[netip.AddrPort]*drain

// update follows all drains, and reports whether one ended.
func (ds drains) update(now time.Time, limit time.Duration) (ended bool) {
	var connected map[netip.AddrPort]bool
	lazily := func() map[netip.AddrPort]bool {
		if connected == nil {
			connected = established()
		}
		return connected
	}
	for addr, d := range ds {
		was := d.done
		d.follow(addr, lazily, now, limit)
		ended = ended || d.done && !was
		if d.done && now.Sub(d.ended) > keepDrained {
			delete(ds, addr)
		}
	}
	return ended
}

// pending: an address is not drained yet.
func (ds drains) pending() bool {
	for _, d := range ds {
		if !d.done {
			return true
		}
	}
	return false
}

func (ds drains) report() map[netip.AddrPort]plan.Drain {
	out := map[netip.AddrPort]plan.Drain{}
	for addr, d := range ds {
		out[addr] = plan.Drain{Since: d.since, Done: d.done}
	}
	return out
}

// established returns the remote ends of this network namespace's established
// IPv4 connections (/proc/net/tcp, proc_net_tcp(5)): nginx is on the host network.
func established() map[netip.AddrPort]bool {
	out := map[netip.AddrPort]bool{}
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return out
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		const remote, state = 2, 3
		if len(fields) <= state || fields[state] != "01" {
			continue
		}
		if a, ok := parseHexAddr(fields[remote]); ok {
			out[a] = true
		}
	}
	return out
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
