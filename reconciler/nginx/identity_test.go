package nginx

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const stranger = 65534

// pretend starts a program under the name of the master of a directory, and writes its
// pid to where nginx's was.
func pretend(t *testing.T, dir, path string, uid uint32) int {
	t.Helper()
	cmd := exec.Command(path, "60")
	cmd.Args[0] = "nginx: master process nginx -c " + dir + "/current/nginx.conf"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if err := os.WriteFile(filepath.Join(dir, "nginx.pid"), []byte(fmt.Sprintln(cmd.Process.Pid)), 0o644); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// TestAPidFileOfAnotherTime: nginx was killed and left its pid, which is a program's of
// another user now, or one that another user has written. It is not believed, and not
// run.
func TestAPidFileOfAnotherTime(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal(err)
	}
	copied := func(name string, owner int, mode os.FileMode) string {
		content, err := os.ReadFile(sleep)
		if err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(shared(t), name)
		if err := os.WriteFile(at, content, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(at, owner, owner); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(at, mode); err != nil {
			t.Fatal(err)
		}
		return at
	}
	for name, c := range map[string]struct {
		path string
		uid  uint32
		want bool
	}{
		"another user's process":             {sleep, stranger, false},
		"started by another user, as root":   {copied("setuid", 0, 0o755|os.ModeSetuid), stranger, false},
		"root's process of another's file":   {copied("foreign", stranger, 0o755), 0, false},
		"root's process of a writable file":  {copied("writable", 0, 0o777), 0, false},
		"root's process of a file of root's": {sleep, 0, true},
	} {
		b := Binary{Path: nginx, Dir: t.TempDir()}
		pid := pretend(t, b.Dir, c.path, c.uid)
		eventually(t, "the process has its name", func() bool {
			line, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
			return strings.HasPrefix(string(line), "nginx: master")
		})
		got, err := b.Master(t.Context())
		if err != nil || (got == pid) != c.want {
			t.Errorf("%s: pid %d, %v", name, got, err)
		}
		if said, err := b.Version(t.Context()); !c.want && (err != nil || !strings.Contains(said, "nginx/")) {
			t.Errorf("%s: the version is %q, %v; want that of %s", name, said, err, nginx)
		}
	}
}

// shared is a directory that every user can reach.
func shared(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "havn-identity-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
