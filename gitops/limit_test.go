package gitops_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// writeSlowly writes a file after a pause that is longer than a burst's end.
func writeSlowly(t *testing.T, path, text string) {
	t.Helper()
	<-time.After(200 * time.Millisecond)
	write(t, path, text)
}

// Where the kernel gives no more watches, the directory is looked at now and then.
// The limit is that of a user namespace of its own.
func TestNoMoreWatches(t *testing.T) {
	limit := os.Getenv("HAVN_TEST_LIMIT")
	if limit == "" {
		for _, limit := range []string{"max_inotify_watches", "max_inotify_instances"} {
			cmd := exec.Command(os.Args[0], "-test.run=^TestNoMoreWatches$")
			cmd.Env = append(os.Environ(), "HAVN_TEST_LIMIT="+limit)
			ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: ids}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", limit, err, out)
			}
		}
		return
	}
	dir, file := spec(t)
	write(t, filepath.Join(dir, "sub", "x.cue"), "1")
	must(t, os.WriteFile("/proc/sys/user/"+limit, []byte("0"), 0o644))
	f := follow(t, dir)
	f.until(first)
	write(t, file, second)
	f.until(second)
}
