package origin

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// An SSH is an sshd for one deploy key.
type SSH struct {
	// KnownHosts is the file with its host key.
	KnownHosts string
	addr       string
	user       string
}

// Address is the URL of a directory behind the server.
func (s *SSH) Address(dir string) string { return "ssh://" + s.user + "@" + s.addr + dir }

// sshdConfig lets one key in, and lets it do nothing but read.
const sshdConfig = `HostKey %s
AuthorizedKeysFile %s
StrictModes no
PidFile none
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
AllowTcpForwarding no
AcceptEnv GIT_PROTOCOL
`

// ServeSSH starts an sshd that lets the key in, on this machine.
func ServeSSH(t testing.TB, host, client Key) *SSH {
	t.Helper()
	return ServeSSHAt(t, "127.0.0.1", host, client)
}

// ServeSSHAt starts one at an address of this machine that others may reach. Each
// connection is an sshd of its own, as under inetd.
func ServeSSHAt(t testing.TB, ip string, host, client Key) *SSH {
	t.Helper()
	dir := t.TempDir()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	sshd, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Fatalf("%v: install openssh-server", err)
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	s := &SSH{addr: l.Addr().String(), user: me.Username, KnownHosts: filepath.Join(dir, "known_hosts")}
	s.Pin(t, host)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := write("sshd_config", fmt.Sprintf(sshdConfig, host.File, write("authorized_keys", "restrict "+client.Public+"\n")))
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			all.Go(func() { serve(conn.(*net.TCPConn), sshd, config) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return s
}

// Pin makes the key the only one known of the server.
func (s *SSH) Pin(t testing.TB, host Key) {
	t.Helper()
	ip, port, _ := strings.Cut(s.addr, ":")
	if err := os.WriteFile(s.KnownHosts, fmt.Appendf(nil, "[%s]:%s %s\n", ip, port, host.Public), 0o600); err != nil {
		t.Fatal(err)
	}
}

func serve(conn *net.TCPConn, sshd, config string) {
	defer func() { _ = conn.Close() }()
	f, err := conn.File()
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	cmd := exec.Command(sshd, "-i", "-f", config)
	cmd.Stdin, cmd.Stdout = f, f
	_ = cmd.Run()
}
