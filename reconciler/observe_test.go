package reconciler_test

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"havn.internal/reconciler"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A recorder is a prober that keeps what it is asked to watch.
type recorder struct {
	reconciler.Prober
	watched []plan.Container
}

func (r *recorder) Watch(c []plan.Container) {
	r.watched = c
	r.Prober.Watch(c)
}

// Intervals and thresholds of probes change in place, for the replicas that are
// otherwise what is wanted; what a probe asks changes with the next release.
func TestProbesFollowTheSpec(t *testing.T) {
	ctx := context.Background()
	clock := model.NewTimeline(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	fixed := netip.MustParsePrefix("10.202.0.0/25")
	host := model.New("site", fixed, clock)
	host.Load("web:1", "sha256:1")
	probes := &recorder{Prober: host.Prober()}
	r := reconciler.New(reconciler.Config{
		Site: "site", Engine: host.Engine(), Gateway: host.Gateway(), Prober: probes, Journal: host.Journal(),
		Log: slog.New(slog.DiscardHandler), Now: clock.Now,
	})
	service := spec.Service{Name: "web", Image: "web:1", Port: 80, Health: spec.Health{Kind: spec.HealthTCP, Interval: spec.Duration(time.Second)}}
	release := spec.Release{Service: service, ImageID: "sha256:1"}
	f := release.Fingerprint("site")
	for _, err := range []error{
		host.Engine().CreateNetwork(ctx, plan.CreateNetwork{}),
		host.Engine().Start(ctx, plan.Start{
			Name: plan.ContainerName("web", f, 0), Fingerprint: f, Release: release, Addr: fixed.Addr().Next().Next(),
		}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		change func(*spec.Health)
		want   time.Duration
	}{
		{func(h *spec.Health) { h.Interval = spec.Duration(5 * time.Second) }, 5 * time.Second},
		{func(h *spec.Health) { h.Interval, h.Port = spec.Duration(5*time.Second), 81 }, time.Second},
	} {
		wanted := service
		c.change(&wanted.Health)
		have, err := r.Observe(ctx, spec.Site{Services: map[string]spec.Service{"web": wanted}})
		if err != nil {
			t.Fatal(err)
		}
		if len(probes.watched) != 1 || probes.watched[0].Release.Service.Health.Interval.Std() != c.want {
			t.Errorf("probed is %+v, want each %s", probes.watched, c.want)
		}
		for _, seen := range have.Containers {
			if seen.Release.Service.Health.Interval.Std() != time.Second {
				t.Errorf("what the replica was made from is %+v", seen.Release)
			}
		}
	}
}
