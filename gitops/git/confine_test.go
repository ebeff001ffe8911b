package git

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// hasLandlock: the kernel can deny files to a process.
func hasLandlock() bool {
	_, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	return errno == 0
}

func TestChildrenHaveNoRights(t *testing.T) {
	m := bare(t, Remote{URL: "https://example.org/x"})
	for _, remote := range []bool{false, true} {
		out, err := m.shell(t.Context(), "grep -E 'NoNewPrivs|Cap(Prm|Eff|Bnd|Amb)' /proc/self/status", remote)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			value = strings.TrimSpace(value)
			if name == "NoNewPrivs" && value != "1" || os.Getuid() == 0 && name != "NoNewPrivs" && strings.Trim(value, "0") != "" {
				t.Errorf("remote %v: %s", remote, line)
			}
		}
	}
}

func TestChildrenTouchNothingElse(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	m := bare(t, Remote{URL: "https://example.org/x"})
	if err := os.MkdirAll(filepath.Join(m.State, "revisions"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(m.dir(), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, script := range []string{
		"echo x > " + m.dir() + "/x", "mkdir " + m.temporary() + "/d", "cat " + m.configFile(), "cat /etc/passwd", "echo x > /dev/null",
		"cat /etc/resolv.conf /etc/hosts", "ls /etc/ssl/certs",
	} {
		if _, err := m.shell(t.Context(), script, true); err != nil {
			t.Errorf("%s: %v", script, err)
		}
	}
	if !hasLandlock() {
		t.Log("this kernel has no Landlock: what follows is not denied by it")
		return
	}
	for _, script := range []string{
		"echo x > " + outside + "/x", "echo x >> " + secret, "rm " + secret, "cat " + secret, "ls " + outside, "mv " + secret + " " + m.temporary(),
		"ln -s x " + outside + "/link", "ln " + secret + " " + m.dir() + "/hard", "mkdir /tmp/havn-was-here", "echo x > /etc/havn-was-here",
		"echo x > " + m.configFile(), "echo x > " + m.State + "/revisions/x", "cat /proc/" + strconv.Itoa(os.Getpid()) + "/environ", "cat /root/.profile",
		"cat /etc/shadow", "cat /etc/hostname", "ls /etc", "ls /etc/ssh", "ls /etc/ssl/private", "git config -f /etc/shadow -l",
	} {
		if out, err := m.shell(t.Context(), script, true); err == nil {
			t.Errorf("%s: allowed: %s", script, out)
		}
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "secret" {
		t.Errorf("%q, %v", text, err)
	}
}

// A child reaches no service of this machine by its socket, Docker's least of all,
// not even with root's user id; the network it reaches.
func TestChildrenReachNoLocalSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	m := bare(t, Remote{URL: "https://example.org/x"})
	_, port, _ := net.SplitHostPort(web.Listener.Addr().String())
	if out, err := m.shell(t.Context(), "perl -e 'use Socket; socket(S, PF_INET, SOCK_STREAM, 0) or die; connect(S, pack_sockaddr_in("+port+", inet_aton(q(127.0.0.1)))) or die $!'", true); err != nil {
		t.Errorf("the network is denied: %s %v", out, err)
	}
	if out, err := m.shell(t.Context(), "perl -e 'use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0) or exit 7; connect(S, pack_sockaddr_un(q("+path+"))) or exit 8'; test $? = 7", true); err != nil {
		t.Errorf("a local socket is not denied: %s %v", out, err)
	}
}

// What a thread gave up, this process still has: its other threads, and the first
// one, by which it is known.
func TestRightsAreGivenUpByChildrenAlone(t *testing.T) {
	m := bare(t, Remote{URL: "https://example.org/x"})
	own := func() string {
		text, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		return rightsIn(string(text))
	}
	before := own()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := m.shell(t.Context(), "true", false); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			for range 10 {
				runtime.LockOSThread()
				text, err := os.ReadFile("/proc/thread-self/status")
				runtime.UnlockOSThread()
				if err != nil || rightsIn(string(text)) != before {
					t.Errorf("a thread has %s, %v, and not %s", rightsIn(string(text)), err, before)
				}
				runtime.Gosched()
			}
		})
	}
	all.Wait()
	if after := own(); after != before || strings.Contains(before, "NoNewPrivs: 1") {
		t.Errorf("this process had %s and has %s", before, after)
	}
}

func rightsIn(status string) (rights string) {
	for line := range strings.Lines(status) {
		if strings.HasPrefix(line, "Cap") || strings.HasPrefix(line, "NoNewPrivs") {
			rights += strings.Join(strings.Fields(line), " ") + " "
		}
	}
	return rights
}
