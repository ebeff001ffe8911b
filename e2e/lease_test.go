//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A lease is a number that no other scenario on this machine has at the time. The
// names, the port and the addresses of a site follow from it.
type lease int

const leases = 60

// takeLease takes a free number and removes what a run that was killed left of it.
func takeLease(t testing.TB) lease {
	t.Helper()
	for n := range leases {
		f, err := os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("havn-e2e-%d.lock", n)), os.O_CREATE|os.O_RDWR, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			_ = f.Close()
			continue
		}
		t.Cleanup(func() { _ = f.Close() })
		lease(n).clear(t)
		t.Cleanup(func() { lease(n).clear(t) })
		return lease(n)
	}
	t.Fatalf("all %d leases are taken", leases)
	return 0
}

func (l lease) site() string   { return fmt.Sprintf("he-%d", l) }
func (l lease) http() string   { return fmt.Sprintf("127.0.0.1:%d", 18300+int(l)) }
func (l lease) subnet() string { return fmt.Sprintf("10.203.%d.0/24", l) }

// foreign is the name of all that belongs to the scenario and not to havn.
func (l lease) foreign() string { return l.site() + "-foreign" }

// clear removes what belongs to the lease.
func (l lease) clear(t testing.TB) {
	t.Helper()
	owned := "label=havn.site=" + l.site()
	for _, filter := range []string{owned, "name=^/" + l.foreign() + "$"} {
		if ids := strings.Fields(docker(t, "ps", "--all", "--quiet", "--filter", filter)); len(ids) > 0 {
			docker(t, append([]string{"rm", "--force", "--volumes"}, ids...)...)
		}
	}
	for _, kind := range []string{"network", "volume"} {
		for _, filter := range []string{owned, "name=^" + l.foreign() + "$"} {
			if ids := strings.Fields(docker(t, kind, "ls", "--quiet", "--filter", filter)); len(ids) > 0 {
				docker(t, append([]string{kind, "rm"}, ids...)...)
			}
		}
	}
}
