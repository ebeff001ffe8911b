package journal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"havn.internal/reconciler/plan"
)

// disk is a small file system of its own.
func disk(t *testing.T, options string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("havn-test", dir, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestDiskIsReadOnly(t *testing.T) {
	dir := disk(t, "size=4m")
	j := open(t, dir)
	fill(j)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir)
	fill(j)
	whole(t, j)
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// What can't be written because the disk is full is written when it is not any
// more.
func TestDiskIsFull(t *testing.T) {
	dir := disk(t, "size=8m")
	j := open(t, dir)
	_ = j.Condemn(plan.Condemn{Service: "old", Fingerprint: "f", Reason: "is lifted while the disk is full"})
	_ = j.Keep("old", letter)
	_, _ = j.Events("", 1)
	hog := filepath.Join(dir, "hog")
	f, err := os.Create(hog)
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	_ = f.Close()
	const acts = 3000
	for range acts {
		j.Applied(plan.Step{Service: "web", Action: plan.Remove{Name: "web-1"}, Why: "it is old, and there is more to say about that"}, 0, nil)
	}
	fill(j)
	j.Clear("old")
	j.Drop("old")
	whole(t, j)
	before, _ := j.Events("web", 2*acts)
	if why := j.Problem(); !strings.Contains(why, "no space left") {
		t.Errorf("the problem is %q", why)
	}
	if err := os.Remove(hog); err != nil {
		t.Fatal(err)
	}
	j.SetGood("rev1")
	j = reopen(t, dir, j)
	whole(t, j)
	if after := events(t, j, "web", 2*acts); len(after) != acts+1 {
		t.Errorf("%d events were there while the disk was full, and %d are after, want %d", len(before), len(after), acts+1)
	}
}
