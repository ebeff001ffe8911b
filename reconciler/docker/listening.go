package docker

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// observePorts says of each host port that the site wants and that none of its replicas has
// claimed, running or not, why it can't be had: another program listens there.
func (e *Engine) observePorts(want spec.Site, have map[string]plan.Container) map[string]string {
	if !strings.HasPrefix(e.cli.DaemonHost(), "unix://") {
		return nil
	}
	out := map[string]string{}
	for _, s := range want.Services {
		for _, claim := range s.Claims() {
			if claim.Volume == "" && !claimed(claim, have) && isListening(claim) {
				out[claim.String()] = fmt.Sprintf("%s is taken by another program of this machine; `ss -lntup` names it; "+
					"stop that, or publish another port", claim)
			}
		}
	}
	return out
}

func claimed(claim spec.Claim, have map[string]plan.Container) bool {
	for _, c := range have {
		if slices.ContainsFunc(c.Release.Service.Claims(), claim.Conflicts) {
			return true
		}
	}
	return false
}

// States of sockets in /proc/net/tcp and udp: TCP_LISTEN, and TCP_CLOSE, which is what a
// bound UDP socket has (include/net/tcp_states.h).
const tcpListens, udpBound = "0A", "07"

// isListening: a socket of this machine excludes the claim's.
func isListening(claim spec.Claim) bool {
	state := tcpListens
	if claim.Protocol == "udp" {
		state = udpBound
	}
	for _, table := range []string{"/proc/net/" + claim.Protocol, "/proc/net/" + claim.Protocol + "6"} {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		found := false
		for lines := bufio.NewScanner(f); !found && lines.Scan(); {
			fields := strings.Fields(lines.Text())
			const local, st = 1, 3
			if len(fields) > st && fields[st] == state {
				at, ok := socketAt(fields[local])
				found = ok && claim.Conflicts(spec.Claim{Host: at, Protocol: claim.Protocol})
			}
		}
		_ = f.Close()
		if found {
			return true
		}
	}
	return false
}

// socketAt reads "0100007F:0035": 32-bit words in the machine's byte order, little-endian
// on all that havn runs on.
func socketAt(text string) (netip.AddrPort, bool) {
	ip, digits, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(ip)
	port, err2 := strconv.ParseUint(digits, 16, 16)
	if err != nil || err2 != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		slices.Reverse(b[i : i+4])
	}
	addr, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), ok
}
