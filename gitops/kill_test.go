package gitops

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"havn.internal/gitops/origin"
)

// asSource makes this test binary a process that follows a repository, to be killed.
const asSource = "HAVN_TEST_FOLLOW"

func TestMain(m *testing.M) {
	if state := os.Getenv(asSource); state != "" {
		followUntilKilled(state, os.Getenv(asSource+"_URL"))
	}
	os.Exit(m.Run())
}

// A diary is a memory in a file, and what was delivered in another.
type diary struct{ dir string }

func (d diary) Accepted() (a Accepted, ok bool, err error) {
	text, err := os.ReadFile(filepath.Join(d.dir, "accepted"))
	if errors.Is(err, fs.ErrNotExist) {
		return a, false, nil
	}
	return a, err == nil, errors.Join(err, json.Unmarshal(text, &a))
}

func (d diary) Accept(a Accepted) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	temporary := filepath.Join(d.dir, "accepted.new")
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(d.dir, "accepted"))
}

func followUntilKilled(dir, url string) {
	o := options(nil, url)
	o.State, o.Memory = filepath.Join(dir, "state"), diary{dir}
	if o.Path = os.Getenv(asSource + "_PATH"); o.Path != "" {
		o.Around = around
	}
	g, err := NewGit(o)
	if err != nil {
		os.Exit(1)
	}
	_ = g.Run(context.Background(), func(r Revision) {
		_ = os.WriteFile(filepath.Join(dir, "delivered"), []byte(r.Commit), 0o600)
	})
}

// process starts one that follows.
func process(t *testing.T, dir, url, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), asSource+"="+dir, asSource+"_URL="+url, asSource+"_PATH="+path)
	cmd.Stderr = os.Stderr
	check(t, cmd.Start())
	return cmd
}

// Killed at any moment of accepting a revision: nothing half done is delivered, no
// child lives on, and the next process goes on from there.
func TestKilledAtAnyMoment(t *testing.T) {
	killedAtAnyMoment(t, "", 25, site)
}

// The same where the revision is a host's part of a module.
func TestKilledAtAnyMomentOfAPart(t *testing.T) {
	killedAtAnyMoment(t, "hosts/web1", 12, fleet)
}

func killedAtAnyMoment(t *testing.T, path string, moments int, files func(n int) map[string]string) {
	r := origin.New(t)
	dir := t.TempDir()
	r.Commit(files(0))
	begin := time.Now()
	reach := func(cmd *exec.Cmd, commit string) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			if text, _ := os.ReadFile(filepath.Join(dir, "delivered")); string(text) == commit {
				break
			}
			if time.Now().After(end) {
				t.Errorf("%s is not delivered", commit)
				break
			}
		}
		check(t, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	reach(process(t, dir, r.URL(), path), r.Head())
	whole := time.Since(begin)
	for i := range moments {
		commit := r.Commit(files(i + 1))
		cmd := process(t, dir, r.URL(), path)
		// The moment of death is the subject here, not a wait for something.
		time.Sleep(whole * time.Duration(i) / time.Duration(moments))
		check(t, cmd.Process.Kill())
		_ = cmd.Wait()
		reach(process(t, dir, r.URL(), path), commit)
		text, err := os.ReadFile(filepath.Join(dir, "accepted"))
		if err != nil || !strings.Contains(string(text), commit) {
			t.Fatalf("accepted is %s, %v", text, err)
		}
	}
	f := &follower{t: t}
	state := filepath.Join(dir, "state")
	f.Git = &Git{GitOptions: GitOptions{State: state}}
	if m := f.measure(); m.revisions > usualKeep+1 {
		t.Errorf("%d revisions are left behind", m.revisions)
	}
	noneOf(t, state)
}

// noneOf wants no process that works in the directory; one that lost its parent may
// take a moment to end.
func noneOf(t *testing.T, dir string) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		left := ""
		procs, err := os.ReadDir("/proc")
		check(t, err)
		for _, p := range procs {
			if _, err := strconv.Atoi(p.Name()); err != nil {
				continue
			}
			// It may have ended meanwhile.
			if text, _ := os.ReadFile("/proc/" + p.Name() + "/cmdline"); strings.Contains(string(text), dir) {
				left += p.Name() + ": " + strings.ReplaceAll(string(text), "\x00", " ") + "\n"
			}
		}
		if left == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("still running:\n%s", left)
		}
	}
}
