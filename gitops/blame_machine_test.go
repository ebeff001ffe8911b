package gitops

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"havn.internal/gitops/git"
	"havn.internal/gitops/origin"
)

// small is a state directory on a file system of 4 MiB.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	check(t, unix.Mount("none", dir, "tmpfs", 0, "size=4m,mode=0755"))
	t.Cleanup(func() { check(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return filepath.Join(dir, "state")
}

// filled leaves so many bytes of the file system of the state directory.
func filled(leave int) func(*testing.T, *injured) func() {
	return func(t *testing.T, i *injured) func() {
		var fs unix.Statfs_t
		check(t, unix.Statfs(i.State, &fs))
		fill := filepath.Join(filepath.Dir(i.State), "fill")
		check(t, os.WriteFile(fill, make([]byte, int(fs.Bavail)*int(fs.Bsize)-leave), 0o600))
		return func() { check(t, os.Remove(fill)) }
	}
}

func readOnly(t *testing.T, i *injured) func() {
	dir := filepath.Dir(i.State)
	check(t, unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	return func() { check(t, unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT, "")) }
}

// killing sends half of the pack and kills the process of that name that reads it, as
// the kernel does when it has no memory.
func killing(name string) func(*testing.T, *injured) func() {
	return func(t *testing.T, i *injured) func() {
		return served(packs(func(out http.ResponseWriter, in *http.Request) bool {
			whole := recorded(in)
			_, _ = out.Write(whole[:len(whole)/2])
			_ = http.NewResponseController(out).Flush()
			for in.Context().Err() == nil && !kill(name, i.State) {
				time.Sleep(20 * time.Millisecond)
			}
			<-in.Context().Done()
			return true
		}))(t, i)
	}
}

// kill kills a process by a word of its command line, if it works on a state directory.
func kill(name, state string) (killed bool) {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range all {
		line, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
		env, _ := os.ReadFile(filepath.Join(proc, "environ"))
		words := bytes.Split(line, []byte{0})
		if len(words) < 2 || !strings.HasSuffix(string(words[0]), "git") || !bytes.Contains(line, []byte("\x00"+name+"\x00")) || !bytes.Contains(env, []byte(state)) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(proc))
		killed = syscall.Kill(pid, syscall.SIGKILL) == nil
	}
	return killed
}

// asLimited makes the test binary a process whose own limit of a file's size is lower
// than that of a fetch (LimitFSIZE of systemd.exec(5)).
const asLimited = "HAVN_TEST_LIMITED"

// A limit that is not ours but this process's says nothing of the commit.
func TestALowerLimitOfThisProcess(t *testing.T) {
	url := os.Getenv(asLimited)
	if url == "" {
		r := origin.New(t)
		r.Commit(noisy)
		cmd := exec.Command(os.Args[0], "-test.run=^TestALowerLimitOfThisProcess$")
		cmd.Env = append(os.Environ(), asLimited+"="+r.URL())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	check(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 64 << 10, Max: 64 << 10}))
	f := follow(t, options(t, url))
	f.blames(f.ask(), git.OfMachine, "LimitFSIZE")
}

var machineInjuries = []injury{
	{name: "no space for the pack", do: filled(64 << 10), state: small, fault: git.OfMachine, says: "no space left"},
	{name: "no space for the files", do: filled(350 << 10), state: small, fault: git.Unknown, says: "no space left"},
	{name: "no space at all", do: filled(0), state: small, fault: git.Unknown, says: "space"},
	{name: "read-only", do: readOnly, state: small, fault: git.Unknown, says: "read-only"},
	{name: "index-pack is killed", do: killing("index-pack"), fault: git.OfMachine, says: "short of memory"},
	{name: "git is killed", do: killing("fetch"), fault: git.OfMachine, says: "short of memory"},
}

func TestWhatTheMachineLacksIsNotTheCommits(t *testing.T) {
	for _, i := range machineInjuries {
		t.Run(i.name, i.run)
	}
}
