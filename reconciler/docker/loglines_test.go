package docker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"havn.internal/reconciler/docker"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

func named(name string) func(*spec.Service) {
	return func(w *spec.Service) { w.Name = name }
}

// say has a replica print text.
func say(t *testing.T, a plan.Start, stream, text string) {
	t.Helper()
	if code, body := get(t, a, "/say", "stream", stream, "text", text); code != 200 {
		t.Fatalf("it could not print: %s", body)
	}
}

func texts(lines []docker.LogLine) []string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Service+" "+l.Stream+" "+l.Text)
	}
	return out
}

// What replicas of several services printed comes in the order in which they did,
// each line whole and with its stream.
func TestLines(t *testing.T) {
	s := newSite(t)
	web, db := s.start(named("web")), s.replica(service(named("db")), 1)
	s.do(s.Start(s.ctx, db))
	ask(t, web)
	ask(t, db)
	long := strings.Repeat("x", 100_000)
	heard := func(text string) {
		t.Helper()
		wait(t, "the engine has heard "+text, func() bool {
			lines, err := s.Lines(s.ctx, docker.LogQuery{Last: -1})
			return err == nil && slices.Contains(texts(lines), text)
		})
	}
	say(t, web, "stdout", "one\n")
	heard("web stdout one")
	say(t, db, "stderr", "two\n")
	heard("db stderr two")
	say(t, web, "stdout", long+"\n")
	say(t, web, "stderr", "not ended")
	s.do(s.Stop(s.ctx, plan.Stop{ID: web.Name, Grace: 5 * time.Second}))
	lines, err := s.Lines(s.ctx, docker.LogQuery{Last: -1})
	s.do(err)
	got := texts(lines)
	want := []string{"web stdout one", "db stderr two", "web stdout " + long, "web stderr not ended", "web stdout got terminated"}
	got = slices.DeleteFunc(got, func(l string) bool { return strings.HasSuffix(l, " ready") })
	slices.Sort(got[3:])
	slices.Sort(want[3:])
	if !slices.Equal(got, want) {
		t.Errorf("they printed %.200q, want %.200q", got, want)
	}
	lines, err = s.Lines(s.ctx, docker.LogQuery{Service: "db", Last: 1})
	s.do(err)
	if got := texts(lines); !slices.Equal(got, []string{"db stderr two"}) || lines[0].Replica != db.Name {
		t.Errorf("the last line of db is %+v", lines)
	}
	if lines, err = s.Lines(s.ctx, docker.LogQuery{Last: -1, Since: time.Now()}); err != nil || len(lines) != 0 {
		t.Errorf("nothing was printed since now, and it says %+v, %v", lines, err)
	}
	_, err = s.Lines(s.ctx, docker.LogQuery{Service: "wbe"})
	if !errors.Is(err, docker.ErrNoReplica) {
		t.Errorf("a service that is not there: %v", err)
	}
	wantError(t, err, "wbe has no replica here", "db, web")
}

// A printed is what a follower was told, so far.
type printed struct {
	mu    sync.Mutex
	lines []docker.LogLine
}

func (p *printed) add(l docker.LogLine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, l)
}

func (p *printed) count(text string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, l := range p.lines {
		if l.Service+" "+l.Text == text {
			n++
		}
	}
	return n
}

// A follower goes on with new lines, with replicas that come later and with those
// that start again, and tells each line once.
func TestFollow(t *testing.T) {
	s := newSite(t)
	web := s.start(named("web"))
	ask(t, web)
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	var got printed
	ended := make(chan error, 1)
	go func() { ended <- s.Follow(ctx, docker.LogQuery{Last: 10}, got.add) }()
	told := func(text string, times int) {
		t.Helper()
		wait(t, fmt.Sprintf("%q is told %d times", text, times), func() bool { return got.count(text) >= times })
		if n := got.count(text); n != times {
			t.Errorf("%q is told %d times, want %d", text, n, times)
		}
	}
	told("web ready", 1)
	say(t, web, "stdout", "one\n")
	told("web one", 1)
	db := s.replica(service(named("db")), 1)
	s.do(s.Start(s.ctx, db))
	ask(t, db)
	told("db ready", 1)
	s.do(s.Stop(s.ctx, plan.Stop{ID: web.Name, Grace: 5 * time.Second}))
	told("web got terminated", 1)
	s.do(s.Start(s.ctx, web))
	told("web ready", 2)
	ask(t, web)
	say(t, web, "stderr", "two\n")
	told("web two", 1)
	told("web one", 1)
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}
