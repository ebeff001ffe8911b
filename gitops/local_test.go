package gitops

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"havn.internal/gitops/origin"
	"havn.internal/gitops/trust"
)

// The repositories of a forge on this host belong to its user.
func TestRepositoryOfAnotherUser(t *testing.T) {
	r := origin.New(t)
	first := r.Commit(site(1))
	if os.Getuid() == 0 {
		check(t, filepath.WalkDir(r.Dir, func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, 65534, 65534)
		}))
		check(t, os.Chmod(r.Dir, 0o700))
	}
	follow(t, options(t, r.URL())).accepts(first)
	follow(t, options(t, r.URL()+"/.git")).accepts(first)
}

func TestSHA256Repository(t *testing.T) {
	r := origin.New(t, "--object-format=sha256")
	f := follow(t, options(t, r.URL()))
	f.accepts(r.Commit(site(1)))
	commit := r.Commit(site(2))
	if len(commit) != 64 {
		t.Fatalf("%s is no SHA-256", commit)
	}
	f.accepts(commit)
	if f = f.again(); len(f.got) != 1 {
		t.Errorf("not delivered after a restart: %v", f.got)
	}
}

// A mirror of another hash, or of another remote, is no use and no trouble.
func TestRemoteThatBecomesAnother(t *testing.T) {
	a, b := origin.New(t), origin.New(t, "--object-format=sha256")
	f := follow(t, options(t, a.URL()))
	f.accepts(a.Commit(site(1)))
	commit := b.Commit(site(2))
	f.Remote.URL = b.URL()
	f = f.again()
	f.accepts(commit)
	// The same address, with another repository behind it.
	check(t, os.Rename(b.Dir, b.Dir+".old"))
	check(t, os.Rename(a.Dir, b.Dir))
	f.holds("does not descend")
}

// People look at commits while the source works.
func TestLookingWhileItRuns(t *testing.T) {
	r := origin.New(t)
	o := options(t, r.URL())
	o.Limits.Packs = 3
	f := follow(t, o)
	first := r.Commit(site(0))
	f.accepts(first)
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				// The mirror may be about to be made anew: then there is an error.
				if v, err := f.Explain(t.Context(), first); err == nil && v.Commit != first {
					t.Errorf("explained %+v", v)
				}
				if rev, err := f.At(t.Context(), first[:9]); err == nil && rev.Commit != first {
					t.Errorf("another commit: %+v", rev)
				}
				_ = f.Status()
			}
		})
	}
	for i := range 8 {
		f.accepts(r.Commit(site(i + 1)))
	}
	close(stop)
	all.Wait()
	old, err := f.At(t.Context(), f.memory.accepted.Commit)
	if err != nil || old.Dir == "" || f.Trust.Mode != trust.None {
		t.Errorf("%+v, %v", old, err)
	}
	if _, err := f.At(t.Context(), "HEAD"); err == nil {
		t.Error("a name is taken for a commit")
	}
}

// A revision is delivered soon after its push: most of the time is git's own.
func TestTimeFromPushToDelivery(t *testing.T) {
	r := origin.New(t)
	f := follow(t, options(t, r.URL()))
	f.accepts(r.Commit(site(0)))
	var took time.Duration
	const pushes = 10
	for i := range pushes {
		commit := r.Commit(site(i + 1))
		begin := time.Now()
		f.accepts(commit)
		took += time.Since(begin)
	}
	t.Logf("a poll that delivers takes %s", took/pushes)
}
