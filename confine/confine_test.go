package confine_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"havn.internal/confine"
)

// asPrisoner makes the test binary a process that tries what it may do, and prints it.
const asPrisoner = "HAVN_TEST_PRISONER"

func TestMain(m *testing.M) {
	if outside := os.Getenv(asPrisoner); outside != "" {
		try(outside)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// try prints what is denied to this process, and who it is.
func try(outside string) {
	attempt := func(what string, f func() error) {
		if err := f(); err == nil {
			fmt.Println("may", what)
		}
	}
	attempt("read", func() error { _, err := os.ReadFile(filepath.Join(outside, "file")); return err })
	attempt("write", func() error { return os.WriteFile(filepath.Join(outside, "new"), nil, 0o644) })
	attempt("list", func() error { _, err := os.ReadDir(outside); return err })
	attempt("run", func() error { return exec.Command("/bin/true").Run() })
	attempt("unix", func() error { return socket(unix.AF_UNIX) })
	attempt("inet", func() error { return socket(unix.AF_INET) })
	attempt("inet6", func() error { return socket(unix.AF_INET6) })
	attempt("trace", func() error {
		if _, _, errno := unix.RawSyscall(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0); errno != 0 {
			return errno
		}
		return nil
	})
	attempt("become root", func() error { return syscall.Setuid(0) })
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.Contains("Uid Gid Groups CapEff CapPrm CapBnd NoNewPrivs Seccomp", name) {
			fmt.Println(name, strings.Join(strings.Fields(value), " "))
		}
	}
}

func socket(family int) error {
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

// confined is what a process with the rights says it may do.
func confined(t *testing.T, r confine.Rights, outside string) string {
	t.Helper()
	r.Read = append(r.Read, "/proc", "/proc/self/exe", "/lib", "/lib64", "/usr/lib")
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{asPrisoner + "=" + outside}
	cmd.Dir = "/"
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	release, err := confine.Start(r, cmd.Start)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return out.String()
}

// hasLandlock: the kernel can deny files to a process.
func hasLandlock() bool {
	_, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	return errno == 0
}

func directory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "confine")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	err = errors.Join(os.Chmod(dir, 0o777), os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRights(t *testing.T) {
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	} else {
		_ = l.Close()
	}
	outside := directory(t)
	for name, c := range map[string]struct {
		rights confine.Rights
		may    string
	}{
		"nothing":      {confine.Rights{}, ""},
		"apart":        {confine.Rights{Apart: true}, ""},
		"reading":      {confine.Rights{Read: []string{outside}}, "read list"},
		"writing":      {confine.Rights{Write: []string{outside}}, "read write list"},
		"the network":  {confine.Rights{Sockets: confine.NetworkSockets}, "inet inet6"},
		"every socket": {confine.Rights{Sockets: confine.AllSockets}, "unix inet inet6"},
	} {
		out := confined(t, c.rights, outside)
		var may []string
		facts := map[string]string{}
		for line := range strings.Lines(out) {
			word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			if word == "may" && rest != "trace" && rest != "become root" {
				may = append(may, rest)
			} else if word != "may" {
				facts[word] = rest
			}
		}
		if !hasLandlock() {
			may = slices.DeleteFunc(may, func(what string) bool { return slices.Contains([]string{"read", "write", "list", "run"}, what) })
			c.may = strings.NewReplacer("read", "", "write", "", "list", "").Replace(c.may)
		}
		if got := strings.Join(may, " "); got != strings.TrimSpace(c.may) {
			t.Errorf("%s: may %q, want %q", name, got, c.may)
		}
		if facts["NoNewPrivs"] != "1" || strings.Trim(facts["CapEff"]+facts["CapPrm"], "0") != "" {
			t.Errorf("%s: %v", name, facts)
		}
		if c.rights.Sockets != confine.AllSockets && (facts["Seccomp"] != "2" || strings.Contains(out, "may trace")) {
			t.Errorf("%s: no filter of system calls: %v", name, facts)
		}
		if os.Getuid() == 0 && c.rights.Apart && (facts["Uid"] != "65533 65533 65533 65533" || facts["Gid"] != "65533 65533 65533 65533" ||
			facts["Groups"] != "" || strings.Contains(out, "may become root")) {
			t.Errorf("%s: it is %v", name, facts)
		}
		_ = os.Remove(filepath.Join(outside, "new"))
	}
}

// Who is not root has less to give up, and gives that up.
func TestRightsOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		return // TestRights is this one
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestRights$", "-test.v")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	cmd.Env = []string{"TMPDIR=/tmp"}
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}
