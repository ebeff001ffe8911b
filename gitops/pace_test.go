package gitops

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// paced runs polls in a bubble until the last one, and returns when each began.
func paced(t *testing.T, p pace, during func(bell), outcomes ...error) []time.Duration {
	t.Helper()
	var at []time.Duration
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		begin := time.Now()
		p.bell = newBell()
		p.planned = func(next time.Time) {
			if !next.After(time.Now()) {
				t.Errorf("the next poll is planned for the past: %s", next)
			}
		}
		if during != nil {
			go during(p.bell)
		}
		err := p.run(ctx, func(context.Context) error {
			at = append(at, time.Since(begin))
			if len(at) == len(outcomes) {
				stop()
			}
			return outcomes[len(at)-1]
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
		synctest.Wait()
	})
	return at
}

// about: within the tenth that the pace varies by.
func about(d, want time.Duration) bool { return d >= want*9/10 && d <= want*11/10 }

func TestPaceVaries(t *testing.T) {
	at := paced(t, pace{interval: time.Minute, spacing: time.Second}, nil, make([]error, 50)...)
	different := map[time.Duration]bool{}
	for i := 1; i < len(at); i++ {
		d := at[i] - at[i-1]
		different[d] = true
		if !about(d, time.Minute) {
			t.Errorf("poll %d came after %s", i, d)
		}
	}
	if at[0] != 0 || len(different) < 25 {
		t.Errorf("the first poll at %s, %d different pauses", at[0], len(different))
	}
}

func TestPaceBacksOffAndRecovers(t *testing.T) {
	down := errors.New("away")
	at := paced(t, pace{interval: time.Minute, spacing: time.Second}, nil, down, down, down, down, down, down, down, down, down, nil, down, nil)
	want := []time.Duration{5, 10, 20, 40, 80, 160, 300, 300, 300, 60, 5}
	for i, w := range want {
		if d := at[i+1] - at[i]; !about(d, w*time.Second) {
			t.Errorf("pause %d is %s, not about %d s", i, d, w)
		}
	}
	// A poll that is rare by itself is not made frequent by the cap.
	at = paced(t, pace{interval: time.Hour, spacing: time.Second}, nil, append(make([]error, 0), down, down, down, down, down, down, down, down, down, down, down, down, down, down, down)...)
	if d := at[14] - at[13]; !about(d, time.Hour) {
		t.Errorf("backed off to %s", d)
	}
}

func TestPokesAreCoalescedAndSpaced(t *testing.T) {
	storm := func(b bell) {
		time.Sleep(10 * time.Second)
		for range 1000 {
			b.ring()
			time.Sleep(time.Millisecond)
		}
	}
	at := paced(t, pace{interval: time.Hour, spacing: time.Second}, storm, nil, nil, nil, nil)
	if at[1] != 10*time.Second || at[2] != 11*time.Second || !about(at[3]-at[2], time.Hour) {
		t.Errorf("polls at %s", at)
	}
}
