package reconciler

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A footprint is what may not grow with the number of passes.
type footprint struct {
	goroutines, descriptors, children int
	heap                              uint64
}

func takeFootprint(t *testing.T) (f footprint) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	var m runtime.MemStats
	runtime.GC() // twice: what is in pools outlives one
	runtime.GC()
	runtime.ReadMemStats(&m)
	return footprint{runtime.NumGoroutine(), len(open), len(strings.Fields(string(children))), m.HeapAlloc}
}

// Ten thousand passes that find nothing to do, of three services with two replicas
// each, leave nothing behind.
func TestTenThousandPassesLeaveNothingBehind(t *testing.T) {
	g := newRig()
	g.host.Push("web:1", "sha256:1", time.Second)
	var services []spec.Service
	for i := range 3 {
		services = append(services, service(fmt.Sprintf("s%d", i), "web:1", 2))
	}
	g.deliver(site("r1", services...))
	if !g.settle(time.Hour) {
		t.Fatalf("not settled: %+v", g.havn.Last().Plan)
	}
	passes := func(n int) {
		for range n {
			g.pass()
		}
	}
	passes(100)
	before := takeFootprint(t)
	passes(10_000)
	after := takeFootprint(t)
	t.Logf("before %+v, after %+v", before, after)
	if o := g.havn.Last(); o.Busy || len(o.Have.Containers) != 6 || o.Plan.Services[0].Phase != plan.Converged {
		t.Fatalf("it is not a converged host of 6 replicas: %+v", o.Plan)
	}
	if after.goroutines > before.goroutines || after.descriptors > before.descriptors || after.children > before.children || after.heap > before.heap*102/100 {
		t.Errorf("grown from %+v to %+v", before, after)
	}
}
