package console_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"havn.internal/gitops/hold"
	"havn.internal/reconciler"
	"havn.internal/reconciler/console"
	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/reconciler/snapshot"
	"havn.internal/spec"
)

// asked is a havn that remembers what it was asked.
type asked struct {
	console.Looks
	console.Desires
	status  console.Status
	site    spec.Site
	service string
	commit  string
	err     error
}

func (a *asked) Status(context.Context) console.Status { return a.status }
func (a *asked) History(service string, limit int) ([]journal.Event, error) {
	return []journal.Event{{Service: service, Act: strconv.Itoa(limit)}}, nil
}
func (a *asked) Snapshot(context.Context) (snapshot.Snapshot, error) {
	return snapshot.Snapshot{Site: "s"}, a.err
}
func (a *asked) Accept(_ hold.By, commit string) error {
	a.commit = commit
	return a.err
}
func (a *asked) Explain(_ context.Context, commit string) (string, error) {
	return commit + " is fine", a.err
}
func (a *asked) Retry(service string) int { a.service = service; return 2 }
func (a *asked) TryNotify(context.Context) []console.Notify {
	return []console.Notify{{Name: "ops", Kind: "slack", Problem: "away"}}
}
func (a *asked) AllowPrune() string { return "rev1" }
func (a *asked) Forecast(_ context.Context, ask console.Question) (model.Road, error) {
	a.site = ask.Site
	return model.Road{Hash: "h", Steps: []model.Step{{Act: "stop x"}}}, a.err
}

// serve runs the console on a new state directory until the test ends.
func serve(t *testing.T, h console.Havn) (*console.Client, string) {
	t.Helper()
	state := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- console.Serve(ctx, state, h, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	deadline := time.Now().Add(2 * time.Minute)
	for {
		c, err := console.Dial(ctx, state)
		if err == nil {
			return c, state
		}
		if !errors.Is(err, console.ErrNotRunning) || time.Now().After(deadline) {
			t.Fatalf("dial: %v", err)
		}
		<-time.After(time.Millisecond)
	}
}

func TestCommandsReachTheRunningHavn(t *testing.T) {
	h := &asked{status: console.Status{Site: "s", Running: true, Services: []console.Service{{Name: "web", Phase: plan.Watching}}}}
	c, _ := serve(t, h)
	ctx := context.Background()
	s, err := c.Status(ctx)
	if err != nil || s.Site != "s" || len(s.Services) != 1 || s.Services[0].Phase != plan.Watching {
		t.Errorf("status: %+v, %v", s, err)
	}
	if n, err := c.Retry(ctx, "web & co"); err != nil || n != 2 || h.service != "web & co" {
		t.Errorf("retry: %d, %v; asked for %q", n, err, h.service)
	}
	if e, err := c.History(ctx, "web", 7); err != nil || len(e) != 1 || e[0].Service != "web" || e[0].Act != "7" {
		t.Errorf("history: %+v, %v", e, err)
	}
	if r, err := c.AllowPrune(ctx); err != nil || r != "rev1" {
		t.Errorf("prune: %q, %v", r, err)
	}
	if err := c.Accept(ctx, "abc"); err != nil || h.commit != "abc" {
		t.Errorf("accept: %v; asked for %q", err, h.commit)
	}
	if v, err := c.Explain(ctx, "abc"); err != nil || v != "abc is fine" {
		t.Errorf("explain: %q, %v", v, err)
	}
	if tried, err := c.TryNotify(ctx); err != nil || len(tried) != 1 || tried[0].Problem != "away" {
		t.Errorf("notify test: %v, %v", tried, err)
	}
	site := spec.Site{Revision: "r", Services: map[string]spec.Service{"web": {Name: "web", Rollout: spec.Rollout{Watch: spec.Duration(time.Second)}}}}
	road, err := c.Forecast(ctx, console.Question{Site: site})
	if err != nil || road.Hash != "h" || len(road.Steps) != 1 {
		t.Errorf("forecast: %+v, %v", road, err)
	}
	if h.site.Services["web"].Rollout.Watch != spec.Duration(time.Second) {
		t.Errorf("the site arrived as %+v", h.site)
	}
	h.err = errors.New("no engine")
	if _, err := c.Forecast(ctx, console.Question{Site: site}); err == nil {
		t.Error("a forecast that failed is no error")
	}
	if err := c.Accept(ctx, "abc"); err == nil {
		t.Error("a commit that is not accepted is no error")
	}
}

func TestSocketIsForItsGroupOnly(t *testing.T) {
	_, state := serve(t, &asked{})
	i, err := os.Stat(filepath.Join(state, "havn.sock"))
	if err != nil || i.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, %v", i.Mode(), err)
	}
}

func TestNobodyRuns(t *testing.T) {
	if _, err := console.Dial(context.Background(), t.TempDir()); !errors.Is(err, console.ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	// A socket that a killed havn left behind is nobody, too, and in nobody's way.
	state := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(state, "havn.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := console.Dial(context.Background(), state); !errors.Is(err, console.ErrNotRunning) {
		t.Errorf("a left socket: %v", err)
	}
}

func TestDescribeBlamesTheReplicaThatIsNotReady(t *testing.T) {
	o := reconciler.Outcome{Have: plan.Observed{Containers: map[string]plan.Container{
		"web-1": {Name: "web-1", Service: "web", State: plan.Running, Health: plan.Health{Ready: true}},
		"web-2": {Name: "web-2", Service: "web", State: plan.Running, Health: plan.Health{Last: "GET /: 500"}},
	}}, Plan: plan.Plan{
		Services: []plan.Standing{{Service: "web", Phase: plan.RolledBack, Wanted: 2}},
		Unmet:    []plan.Unmet{{Service: "web", Why: "its release is condemned"}},
		Blocked:  []plan.Blocked{{Service: "web", Why: "condemned"}, {Why: "no network"}},
		Waits:    []plan.Wait{{Service: "web", Why: "drain"}, {Service: "other"}},
	}}
	tailed := ""
	s := console.Describe(context.Background(), spec.Site{}, o, func(_ context.Context, name string, _ int) ([]string, error) {
		tailed = name
		return []string{"panic"}, nil
	})
	web := s.Services[0]
	if tailed != "web-2" || len(web.Log) != 1 || web.Replicas[1].Probe != "GET /: 500" {
		t.Errorf("tailed %q, %+v", tailed, web)
	}
	if len(web.Blocked) != 1 || len(web.Waits) != 1 || len(s.Blocked) != 1 || s.Converged {
		t.Errorf("%+v", s)
	}
}

// What is to be stopped only says goodbye: its log is no reason.
func TestDescribeTailsNothingThatIsNotWanted(t *testing.T) {
	o := reconciler.Outcome{
		Have: plan.Observed{Containers: map[string]plan.Container{"web-1": {Name: "web-1", Service: "web", State: plan.Exited}}},
		Plan: plan.Plan{Services: []plan.Standing{{Service: "web", Phase: plan.RollingOut}}, Waits: []plan.Wait{{For: plan.ForRetry, Why: "start gateway: no"}}},
	}
	s := console.Describe(context.Background(), spec.Site{}, o, func(context.Context, string, int) ([]string, error) {
		return []string{"bye"}, nil
	})
	if len(s.Services[0].Log) != 0 {
		t.Errorf("the log is %q", s.Services[0].Log)
	}
	// A step that belongs to no service is waited for by the host.
	if len(s.Waits) != 1 {
		t.Errorf("the waits are %+v", s.Waits)
	}
}
