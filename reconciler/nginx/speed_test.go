package nginx

import (
	"slices"
	"testing"
	"time"
)

func TestASwapIsQuick(t *testing.T) {
	r := newRig(t).start()
	a, b := named(t, "a"), named(t, "b")
	var took []time.Duration
	for i := range 20 {
		begin := time.Now()
		if i%2 == 0 {
			r.set(to("a.example", "/", a))
		} else {
			r.set(to("a.example", "/", b))
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	t.Logf("swap p50 %s, max %s", took[len(took)/2], took[len(took)-1])
	if body := r.get("a.example", "/").body; body != "b" {
		t.Fatalf("got %q", body)
	}
}
