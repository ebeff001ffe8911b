package gitops

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"havn.internal/gitops/origin"
)

// A measure is what must not grow with the number of revisions.
type measure struct {
	revisions, goroutines, descriptors, packs, children int
	bytes                                               int64
}

func (f *follower) measure() (m measure) {
	f.t.Helper()
	entries, err := os.ReadDir(filepath.Join(f.State, "revisions"))
	check(f.t, err)
	m.revisions, m.goroutines = len(entries), runtime.NumGoroutine()
	open, err := os.ReadDir("/proc/self/fd")
	check(f.t, err)
	m.descriptors = len(open)
	for _, name := range files(f.t, f.State) {
		if strings.HasSuffix(name, ".pack") {
			m.packs++
		}
		i, err := os.Stat(name)
		check(f.t, err)
		m.bytes += i.Size()
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	check(f.t, err)
	m.children = len(strings.Fields(string(children)))
	return m
}

// Three hundred revisions leave no more behind than sixty: not of directories,
// packs, descriptors, goroutines or processes.
func TestManyRevisionsLeaveNothingBehind(t *testing.T) {
	r := origin.New(t)
	o := options(t, r.URL())
	o.Limits.Packs = 20
	f := follow(t, o)
	push := func(from, to int) {
		for i := from; i < to; i++ {
			f.accepts(r.Commit(site(i)))
			if i%10 == 9 { // one that is held, and taken back
				head := r.Head()
				check(t, os.Symlink("/etc/passwd", filepath.Join(r.Dir, "link")))
				r.Commit(nil)
				f.holds("symbolic link")
				r.Git("reset", "-q", "--hard", head)
			}
		}
	}
	push(0, 60)
	early := f.measure()
	push(60, 300)
	late := f.measure()
	t.Logf("after 60 revisions %+v, after 300 %+v", early, late)
	if late.revisions > usualKeep+1 || late.packs > o.Limits.Packs+1 {
		t.Errorf("%d revisions and %d packs are kept", late.revisions, late.packs)
	}
	if late.goroutines > early.goroutines || late.descriptors > early.descriptors || late.children > 0 {
		t.Errorf("grown from %+v to %+v", early, late)
	}
	if late.bytes > 2*early.bytes+1<<20 {
		t.Errorf("from %d bytes to %d", early.bytes, late.bytes)
	}
}
