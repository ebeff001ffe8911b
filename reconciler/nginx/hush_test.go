package nginx

import (
	"net/netip"
	"os"
	"testing"
	"time"
)

// A worker that lives keeps a drain from ending; that nobody talks to the address
// any more is told before, once.
func TestADrainIsQuietBeforeItIsDone(t *testing.T) {
	self, alive := workerAt(os.Getpid())
	if !alive {
		t.Fatal("the test does not find its own process")
	}
	addr := netip.MustParseAddrPort("127.0.0.1:1") // nobody connects to it
	begin := time.Now()
	ds := drains{addr: {since: begin, workers: []worker{self}}}
	l := limits{request: time.Hour, shutdown: time.Hour}
	for _, step := range []struct {
		after       time.Duration
		news, quiet bool
	}{
		{0, false, false},
		{hush / 2, false, false},
		{hush, true, true},
		{2 * hush, false, true},
	} {
		now := begin.Add(step.after)
		news := ds.update(now, l)
		d := ds.report(now)[addr]
		if news != step.news || d.Quiet != step.quiet || d.Done {
			t.Errorf("after %s: news %t, %+v; want news %t, quiet %t", step.after, news, d, step.news, step.quiet)
		}
	}
}
