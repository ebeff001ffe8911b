package reconciler

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A loop is a Reconciler that runs, on a host in memory, in a bubble's time.
type loop struct {
	*Reconciler
	host    *model.Host
	journal *model.Journal
	stop    context.CancelFunc
	ended   chan struct{}

	mu     sync.Mutex
	passes []Outcome
	calls  []model.Call
	fault  func(model.Call) model.Fault
}

func newLoop(want spec.Site) *loop {
	l := &loop{host: model.New("s", netip.MustParsePrefix("10.0.0.0/25"), model.Wall{}), ended: make(chan struct{})}
	l.journal = l.host.Journal()
	l.host.Faults = func(c model.Call) model.Fault {
		l.mu.Lock()
		defer l.mu.Unlock()
		if c.Op != "observe" {
			l.calls = append(l.calls, c)
		}
		if l.fault != nil {
			return l.fault(c)
		}
		return model.Fault{}
	}
	for _, ref := range []string{"web:1", "web:2"} {
		l.host.Push(ref, "sha256:"+ref, time.Second)
	}
	l.Reconciler = New(Config{
		Site: "s", Engine: l.host.Engine(), Gateway: l.host.Gateway(), Prober: l.host.Prober(), Journal: l.journal, Log: slog.New(slog.DiscardHandler),
	})
	l.Deliver(want)
	return l
}

// run starts the loop, and what wakes it as the events of a real host do.
func (l *loop) run() {
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	go func() {
		defer close(l.ended)
		l.Run(ctx, func(o Outcome) bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.passes = append(l.passes, o)
			return true
		})
	}()
}

func (l *loop) end() {
	l.stop()
	<-l.ended
}

func (l *loop) count() (passes, calls int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.passes), len(l.calls)
}

func (l *loop) breaks(f func(model.Call) model.Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = f
}

func web(revision, image string) spec.Site { return site(revision, service("web", image, 2)) }

func TestLoopConvergesWithoutEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(web("r1", "web:1"))
		l.run()
		time.Sleep(5 * relist)
		if s := l.Last().Plan.Services[0]; s.Phase != plan.Converged || s.Routed != 2 {
			t.Errorf("got %+v", s)
		}
		passes, calls := l.count()
		time.Sleep(10 * relist)
		morePasses, moreCalls := l.count()
		if n := morePasses - passes; n < 9 || n > 11 {
			t.Errorf("%d passes in ten relists of an idle host", n)
		}
		if moreCalls != calls {
			t.Errorf("%d calls that change something though nothing is to do", moreCalls-calls)
		}
		l.end()
	})
}

func TestLoopWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(web("r1", "web:1"))
		l.run()
		time.Sleep(5 * relist)
		before, _ := l.count()
		for range 100 {
			l.Wake()
		}
		synctest.Wait()
		after, _ := l.count()
		if n := after - before; n < 1 || n > 3 {
			t.Errorf("100 wakes at once made %d passes", n)
		}
		l.end()
	})
}

func TestLoopThatIsBlindRemovesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(web("r1", "web:1"))
		l.run()
		time.Sleep(5 * relist)
		l.breaks(func(c model.Call) model.Fault {
			if c.Op == "observe" {
				return model.Fault{Err: errors.New("cannot connect to the Docker daemon")}
			}
			return model.Fault{}
		})
		_, before := l.count()
		l.Deliver(web("r2", "web:2"))
		time.Sleep(10 * time.Minute)
		if _, after := l.count(); after != before {
			t.Errorf("%d acts without sight", after-before)
		}
		if o := l.Last(); o.Err == nil || o.Plan.Services[0].Phase != plan.Converged {
			t.Errorf("the last outcome has the error %v and the plan %+v", o.Err, o.Plan.Services)
		}
		l.breaks(nil)
		time.Sleep(10 * relist)
		if s := l.Last().Plan.Services[0]; s.Image != "web:2" || s.Phase != plan.Converged {
			t.Errorf("with sight again it is %+v", s)
		}
		l.end()
	})
}

func TestLoopDoesNotRepeatWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(web("r1", "web:1"))
		l.host.Push("web:1", "sha256:web:1", 5*time.Minute)
		l.run()
		for range 240 {
			time.Sleep(time.Second)
			l.Wake()
		}
		pulls := 0
		l.mu.Lock()
		for _, c := range l.calls {
			if c.Op == "pull" {
				pulls++
			}
		}
		l.mu.Unlock()
		if pulls != 1 {
			t.Errorf("%d pulls of one image", pulls)
		}
		time.Sleep(10 * time.Minute)
		if s := l.Last().Plan.Services[0]; s.Phase != plan.Converged {
			t.Errorf("got %+v", s)
		}
		l.end()
	})
}

// onLog is a log that does something at each line of an act that has ended.
type onLog struct {
	slog.Handler
	do func(slog.Record)
}

func (l onLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (l onLog) Handle(_ context.Context, r slog.Record) error {
	l.do(r)
	return nil
}

// A pass that is made in the moment in which a pull ends sees that it goes on, or that
// it has brought the image; in between it would be begun once more.
func TestPullThatEndsIsNotBegunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := web("r1", "web:1")
		s := want.Services["web"]
		s.Pull = spec.PullAlways
		want.Services["web"] = s
		l := newLoop(want)
		l.Log = slog.New(onLog{slog.DiscardHandler, func(slog.Record) { l.Pass(context.Background()) }})
		l.run()
		time.Sleep(5 * relist)
		pulls := 0
		l.mu.Lock()
		for _, c := range l.calls {
			if c.Op == "pull" {
				pulls++
			}
		}
		l.mu.Unlock()
		if pulls != 1 {
			t.Errorf("%d pulls of one image for one revision", pulls)
		}
		l.end()
	})
}

func TestLoopWaitsForItsActs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(web("r1", "web:1"))
		l.host.Push("web:1", "sha256:web:1", 3*time.Second)
		l.run()
		time.Sleep(time.Second)
		begin := time.Now()
		l.end()
		if took := time.Since(begin); took < 2*time.Second || took > finishing {
			t.Errorf("the run ended %s after it was told to, with an act of 2s in flight", took)
		}
		if n := len(l.acts.InFlight()); n != 0 {
			t.Errorf("%d acts are in flight after the run", n)
		}
	})
}

func TestLoopThatEndsGoesOnInTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(web("r1", "web:1"))
		l.run()
		time.Sleep(5 * relist)
		l.Deliver(web("r2", "web:2"))
		time.Sleep(2500 * time.Millisecond)
		l.end()
		next := New(l.Config)
		next.Deliver(web("r2", "web:2"))
		l.host.Restarted()
		l.Reconciler, l.ended = next, make(chan struct{})
		l.run()
		time.Sleep(10 * relist)
		if s := l.Last().Plan.Services[0]; s.Phase != plan.Converged || s.Image != "web:2" || len(l.host.View().Replicas) != 2 {
			t.Errorf("got %+v with %d replicas", s, len(l.host.View().Replicas))
		}
		l.end()
	})
}
