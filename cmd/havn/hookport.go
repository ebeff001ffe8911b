package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// hookPortFile keeps, in the state directory, the port that the gateway sends
// webhooks to: another port at each start would be another configuration.
const hookPortFile = "hook-port"

// The ports that the gateway sends webhooks to have no assignment (IANA's registry of
// port numbers), and are below what any user of the machine may listen on: while havn is
// away, nobody else gets what forges send, nor answers as the site.
const (
	firstHookPort = 954
	lastHookPort  = 988
)

// unprivileged is the first port that every user may listen on (ip(7)).
func unprivileged() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	port, err2 := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || err2 != nil {
		return 1024
	}
	return port
}

// behind opens the listener that the gateway leads to: at the port it had before, if
// that is free, and no other user could have it where havn is root. Guarded says so.
func (h *hookFlags) behind(state string) (l net.Listener, guarded bool, err error) {
	path := filepath.Join(state, hookPortFile)
	text, _ := os.ReadFile(path)
	last, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	least := unprivileged()
	var ports []int
	if last > 0 && last < least {
		ports = append(ports, last)
	}
	for _, i := range rand.Perm(lastHookPort - firstHookPort + 1) {
		ports = append(ports, firstHookPort+i)
	}
	// Who is not root gets only a port of every user's: the last one, or any.
	for _, port := range append(ports, last, 0) {
		if l, err = net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			break
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("hook: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if port != last {
		err = os.WriteFile(path, []byte(strconv.Itoa(port)+"\n"), 0o600)
	}
	if err != nil {
		_ = l.Close()
		return nil, false, fmt.Errorf("hook: %w", err)
	}
	return l, port < least, nil
}
