package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// asListener makes the test binary a process that listens at an address.
const asListener = "HAVN_TEST_LISTEN"

func listenAndEnd(address string) int {
	l, err := net.Listen("tcp4", address)
	if err != nil {
		return 3
	}
	_ = l.Close()
	return 0
}

// While havn is away, no other user of the machine gets the port that the gateway sends
// webhooks to; and it is the same one when havn is back.
func TestTheHookPortIsNobodyElses(t *testing.T) {
	if os.Getuid() != 0 || unprivileged() < lastHookPort {
		t.Fatal("this test is root's, where ports below 1024 are")
	}
	state := t.TempDir()
	var h hookFlags
	// An earlier havn had a port that every user can have.
	if err := os.WriteFile(filepath.Join(state, hookPortFile), []byte("39999\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	open := func() string {
		l, guarded, err := h.behind(state)
		if err != nil {
			t.Fatal(err)
		}
		if !guarded {
			t.Errorf("%s is anybody's", l.Addr())
		}
		_ = l.Close()
		return l.Addr().String()
	}
	address := open()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{asListener + "=" + address}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("another user listens at %s: %v", address, err)
	}
	if again := open(); again != address {
		t.Errorf("it was at %s and is at %s", address, again)
	}
	taken, err := net.Listen("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	if other := open(); other == address {
		t.Errorf("it is at %s, which is taken", other)
	}
	text, err := os.ReadFile(filepath.Join(state, hookPortFile))
	if port, _ := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || port < firstHookPort || port > lastHookPort {
		t.Errorf("the file says %q, %v", text, err)
	}
}
