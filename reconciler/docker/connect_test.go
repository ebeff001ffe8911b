package docker_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"havn.internal/reconciler/docker"
)

func connect(t *testing.T, host string) error {
	t.Helper()
	e, err := docker.New(t.Context(), docker.Config{Host: host, Site: "hd-nobody", Subnet: netip.MustParsePrefix("10.202.0.0/24")})
	if err == nil {
		_ = e.Close()
	}
	return err
}

func TestNoEngine(t *testing.T) {
	dir := t.TempDir()
	wantError(t, connect(t, "unix://"+dir+"/none.sock"), "there is no "+dir+"/none.sock", "systemctl start docker")
	wantError(t, connect(t, "tcp://"+freeAddr()), "does not answer", "--docker")
	wantError(t, connect(t, "nonsense"), "nonsense")
	left := filepath.Join(dir, "left.sock")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: left})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	_ = listener.Close()
	wantError(t, connect(t, "unix://"+left), left+" does not answer", "systemctl start docker")
}

func TestSubnetThatCannotBe(t *testing.T) {
	for _, subnet := range []string{"2001:db8::/64", "10.202.0.0/31", "10.202.0.0/32"} {
		_, err := docker.New(t.Context(), docker.Config{Site: "hd-nobody", Subnet: netip.MustParsePrefix(subnet)})
		wantError(t, err, subnet, "--subnet")
	}
}

func TestEngineIsTooOld(t *testing.T) {
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Api-Version", "1.40")
		_, _ = w.Write([]byte(`{"Version":"19.03.15","ApiVersion":"1.40","Os":"linux","Arch":"amd64"}`))
	}))
	defer old.Close()
	wantError(t, connect(t, "tcp://"+old.Listener.Addr().String()), "engine 19.03.15", "Docker 20.10")
}

// As somebody who may not use the socket, in a process of their own.
func TestNoRightsOnTheSocket(t *testing.T) {
	if socket := os.Getenv("HD_TEST_SOCKET"); socket != "" {
		wantError(t, connect(t, "unix://"+socket), "no rights on "+socket, "usermod -aG docker")
		return
	}
	dir, err := os.MkdirTemp("", "hd-rights-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	socket, binary := filepath.Join(dir, "docker.sock"), filepath.Join(dir, "test")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	write(t, binary, string(self))
	for path, mode := range map[string]os.FileMode{dir: 0o755, socket: 0o600} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(binary, "-test.run=^TestNoRightsOnTheSocket$", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HD_TEST_SOCKET="+socket)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
