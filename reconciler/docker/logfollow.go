package docker

import (
	"context"
	"sync"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// Follow calls each with the lines that [Engine.Lines] would return, and then with
// every line that is printed, also by replicas that come later, until ctx ends; one
// at a time. It returns nil when ctx ended, and an error when the engine went away.
func (e *Engine) Follow(ctx context.Context, q LogQuery, each func(LogLine)) error {
	begin := time.Now()
	lines, err := e.Lines(ctx, q)
	if err != nil {
		return err
	}
	f := &follower{e: e, each: each, since: map[string]time.Time{}, done: map[string]chan struct{}{}}
	defer f.running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, l := range lines {
		f.print(l)
	}
	replicas, err := e.printers(ctx, q.Service)
	if err != nil {
		return err
	}
	for _, p := range replicas {
		f.follow(ctx, p, begin)
	}
	err = f.newcomers(ctx, q.Service, begin)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// A follower prints what replicas print.
type follower struct {
	e       *Engine
	each    func(LogLine)
	running sync.WaitGroup

	mu sync.Mutex
	// since is the time of the last line of each replica.
	since map[string]time.Time
	// done is closed when the newest reader of a replica has ended.
	done map[string]chan struct{}
}

func (f *follower) print(l LogLine) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.since[l.Replica] = l.At
	f.each(l)
}

// newcomers follows the replicas that start. The engine ends a stream when its
// container stops, so one that starts again is a newcomer, too.
func (f *follower) newcomers(ctx context.Context, service string, begin time.Time) error {
	kinds := filters.NewArgs(filters.Arg("type", string(events.ContainerEventType)), filters.Arg("event", string(events.ActionStart)),
		filters.Arg("label", labelSite+"="+f.e.Site))
	messages, errs := f.e.cli.Events(ctx, events.ListOptions{Since: engineTime(begin), Filters: kinds})
	for {
		select {
		case m := <-messages:
			p := printer{m.Actor.Attributes["name"], m.Actor.Attributes[labelService]}
			// Of an event the image is not known by its ID.
			c := candidate{id: m.Actor.ID, name: p.name, labels: m.Actor.Attributes}
			if f.e.isReplica(ctx, c) && (service == "" || service == p.service) {
				f.follow(ctx, p, begin)
			}
		case err := <-errs:
			return err
		}
	}
}

// follow reads on where the last line of a replica was, after the reader before has
// ended.
func (f *follower) follow(ctx context.Context, p printer, begin time.Time) {
	f.mu.Lock()
	before, done := f.done[p.name], make(chan struct{})
	f.done[p.name] = done
	f.mu.Unlock()
	f.running.Go(func() {
		defer close(done)
		if before != nil {
			<-before
		}
		f.mu.Lock()
		since, printed := f.since[p.name]
		f.mu.Unlock()
		q := LogQuery{Last: -1, Since: begin}
		if printed {
			q.Since = since.Add(time.Nanosecond)
		}
		o := q.options()
		o.Follow = true
		// A replica that is gone has nothing more to say.
		_ = f.e.read(ctx, p, o, f.print)
	})
}
