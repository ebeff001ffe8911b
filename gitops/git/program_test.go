package git

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func bare(t *testing.T, remote Remote) *Mirror {
	t.Helper()
	m := &Mirror{State: filepath.Join(t.TempDir(), "state"), Remote: remote, Limits: DefaultLimits(), Log: slog.New(slog.DiscardHandler)}
	if err := m.Open(); err != nil {
		t.Fatal(err)
	}
	return m
}

// shell runs a script in place of git, in the same surroundings.
func (m *Mirror) shell(ctx context.Context, script string, remote bool) (string, error) {
	out, err := m.output(ctx, call{program: "/bin/sh", args: []string{"-c", script}, remote: remote})
	return string(out), err
}

func TestChildrenSeeNothingOfOurs(t *testing.T) {
	t.Setenv("SECRET_OF_OURS", "x")
	t.Setenv("GIT_SSH_COMMAND", "evil")
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
	t.Setenv("GIT_CONFIG_VALUE_0", "evil")
	t.Setenv("GIT_EXEC_PATH", "/evil")
	t.Setenv("SSH_AUTH_SOCK", "/evil")
	m := bare(t, Remote{URL: "https://example.org/x"})
	for _, remote := range []bool{false, true} {
		out, err := m.shell(t.Context(), "env; pwd", remote)
		if err != nil {
			t.Fatal(err)
		}
		for _, never := range []string{"SECRET_OF_OURS", "evil", "SSH_AUTH_SOCK", "GIT_CONFIG_COUNT"} {
			if strings.Contains(out, never) {
				t.Errorf("%s is in\n%s", never, out)
			}
		}
		for _, always := range []string{"HOME=/nonexistent\n", "GIT_CONFIG_NOSYSTEM=1\n", "GIT_TERMINAL_PROMPT=0\n", "GIT_NO_LAZY_FETCH=1\n", "\n/\n"} {
			if !strings.Contains(out, always) {
				t.Errorf("%q is not in\n%s", always, out)
			}
		}
		allowed := "GIT_ALLOW_PROTOCOL=none\n"
		if remote {
			allowed = "GIT_ALLOW_PROTOCOL=https\n"
		}
		if !strings.Contains(out, allowed) {
			t.Errorf("%q is not in\n%s", allowed, out)
		}
	}
}

func TestChildrenHaveLimits(t *testing.T) {
	m := bare(t, Remote{URL: "https://example.org/x"})
	m.Limits.Pack, m.Limits.Memory = 1<<20, 256<<20
	out, err := m.shell(t.Context(), "ulimit -f; ulimit -v; ulimit -c; ulimit -n", false)
	if err != nil || out != "2048\n262144\n0\n1024\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := m.shell(t.Context(), "yes | head -c 2000000 > "+m.temporary()+"/big", false); err == nil {
		t.Error("a file larger than the limit can be written")
	}
	if i, err := os.Stat(filepath.Join(m.temporary(), "big")); err != nil || i.Size() != 1<<20 {
		t.Errorf("%v, %v", i, err)
	}
	if _, err := m.shell(t.Context(), "yes | head -c 400000000 | tail -c 400000000 > /dev/null", false); err == nil {
		t.Error("more memory than the limit can be used")
	}
	if _, err := m.shell(t.Context(), "yes", false); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("an answer without end: %v", err)
	}
}

// A call that ends takes with it whatever it started.
func TestCallsEndWithTheirChildren(t *testing.T) {
	m := bare(t, Remote{URL: "https://example.org/x"})
	pidFile := filepath.Join(m.temporary(), "pid")
	ended := func(why string, call func() error) {
		t.Helper()
		if err := call(); err == nil {
			t.Errorf("%s: no error", why)
		}
		text, err := os.ReadFile(pidFile)
		if err != nil {
			t.Fatal(err)
		}
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		for end := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
			state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
			if err != nil || strings.Contains(string(state), ") Z ") {
				break
			}
			if time.Now().After(end) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
				t.Fatalf("%s: the child lives on: %s", why, state)
			}
		}
	}
	script := "sleep 600 & echo $! > " + pidFile + ".new; mv " + pidFile + ".new " + pidFile + "; echo ready; wait"
	ended("cancelled", func() error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		return m.stream(ctx, call{program: "/bin/sh", args: []string{"-c", script}}, func(r io.Reader) error {
			_, err := io.ReadFull(r, make([]byte, 6))
			cancel()
			return errors.Join(err, context.Canceled)
		})
	})
	m.Limits.Local = time.Second
	ended("timed out", func() error {
		_, err := m.shell(t.Context(), script, false)
		if err != nil && !strings.Contains(err.Error(), "longer than 1s") {
			t.Errorf("the error %q does not name the limit", err)
		}
		return err
	})
}

func TestSecretsAreHidden(t *testing.T) {
	s := secrets{user: "anna", password: "p+w/ä", others: []string{"proxy-pw"}}
	got := s.hide("p+w/ä proxy-pw YW5uYTpwK3cvw6Q= p%2Bw%2F%C3%A4 cCt3L8Ok")
	if got != "*** *** *** *** ***" {
		t.Errorf("%q", got)
	}
}

func TestTellingIsOneCleanLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                                   "it failed and printed no reason",
		"warning: x\nfatal: no \x1b[2Jway\n": "no [2Jway",
		"remote: a\r\nremote: b\n":           "remote: b",
		"fatal: " + strings.Repeat("ø", 400): strings.Repeat("ø", 150) + "...",
	} {
		if got := telling(in, "fatal:"); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestQuotedIsAValue(t *testing.T) {
	m := bare(t, Remote{URL: "https://example.org/x"})
	for _, value := range []string{`a"b`, `a\b`, `#;x`, ` space `, helper, `"]` + "x"} {
		if err := os.WriteFile(m.configFile(), []byte("[x]\n\ty = "+quoted(value)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := m.output(t.Context(), call{args: []string{"config", "--file", m.configFile(), "--null", "x.y"}, apart: true})
		if err != nil || string(out) != value+"\x00" {
			t.Errorf("%q is read as %q, %v", value, out, err)
		}
	}
}

// The configuration stays the same file while it says the same: what a call that is
// being started may read is bound to the file.
func TestOpenLeavesTheConfigurationInPlace(t *testing.T) {
	m := bare(t, Remote{URL: "https://example.org/x"})
	stat := func() os.FileInfo {
		t.Helper()
		if err := m.Open(); err != nil {
			t.Fatal(err)
		}
		i, err := os.Stat(m.configFile())
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	if first := stat(); !os.SameFile(first, stat()) {
		t.Error("it was replaced")
	}
}
