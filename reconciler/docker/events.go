package docker

import (
	"context"
	"regexp"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// resubscribe is the pause before a lost event stream is asked for again, and
// rewind how far back the new one starts: the engine keeps the last 256 events.
const (
	resubscribe = 500 * time.Millisecond
	rewind      = 3 * time.Second
)

// Watch follows the engine's events until ctx ends, and calls wake when the host
// may have changed. Events are hints: while the stream is down every Observe
// looks at everything.
func (e *Engine) Watch(ctx context.Context, wake func()) {
	since := time.Now()
	for ctx.Err() == nil {
		err := e.subscribe(ctx, since, wake)
		e.mu.Lock()
		e.subscribed = false
		e.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		e.Log.Warn("the engine's event stream ended; looking at everything until it is back", "err", err)
		since = time.Now().Add(-rewind)
		wake()
		select {
		case <-ctx.Done():
		case <-time.After(resubscribe):
		}
	}
}

func (e *Engine) subscribe(ctx context.Context, since time.Time, wake func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	messages, errs := e.cli.Events(ctx, events.ListOptions{
		Since: engineTime(since), Filters: told(),
	})
	// What changed before the stream was up is not in it.
	e.mu.Lock()
	e.subscribed, e.epoch, e.looked = true, e.epoch+1, time.Time{}
	e.mu.Unlock()
	e.gatewayNews.Add(1)
	wake()
	for {
		select {
		case m := <-messages:
			if e.note(m) {
				wake()
			}
		case err := <-errs:
			return err
		}
	}
}

// told is what the engine is asked to tell: what may change the host. Each exec of
// each health check on the machine is three events more, which nobody needs.
func told() filters.Args {
	f := filters.NewArgs()
	for _, k := range []events.Type{events.ContainerEventType, events.NetworkEventType, events.VolumeEventType, events.ImageEventType} {
		f.Add("type", string(k))
	}
	for _, a := range []events.Action{
		events.ActionCreate, events.ActionStart, events.ActionRestart, events.ActionStop, events.ActionPause, events.ActionUnPause,
		events.ActionUpdate, events.ActionRename, events.ActionDie, events.ActionOOM, events.ActionHealthStatus, events.ActionDestroy,
		events.ActionConnect, events.ActionDisconnect, events.ActionRemove,
		events.ActionPull, events.ActionLoad, events.ActionImport, events.ActionTag, events.ActionUnTag, events.ActionDelete,
	} {
		f.Add("event", string(a))
	}
	return f
}

// note marks what an event is about, and reports whether it matters.
func (e *Engine) note(m events.Message) bool {
	switch m.Type {
	case events.ContainerEventType:
		if !e.relevant(m) {
			return false
		}
		e.noteEnd(m)
		e.touch(m.Actor.ID)
		if m.Actor.Attributes[labelRole] == roleGateway {
			e.gatewayNews.Add(1)
		}
	case events.NetworkEventType:
		if m.Actor.Attributes["name"] != e.Site {
			return false
		}
		e.putDirt(dirt{containers: map[string]bool{m.Actor.Attributes["container"]: true}, network: true})
	case events.VolumeEventType:
		if m.Action != events.ActionCreate && m.Action != events.ActionDestroy {
			return false
		}
		e.putDirt(dirt{volumes: true})
	case events.ImageEventType:
		e.putDirt(dirt{images: true})
	}
	return true
}

// replicaName is the shape of the names that replicas have; see [plan.ContainerName].
var replicaName = regexp.MustCompile(`-[0-9a-f]{8}-[0-9]+$`)

// relevant drops what other containers do, unless one may have taken or freed the
// name of a replica.
func (e *Engine) relevant(m events.Message) bool {
	about := m.Actor.Attributes
	if about[labelSite] == e.Site {
		return true
	}
	naming := m.Action == events.ActionCreate || m.Action == events.ActionDestroy || m.Action == events.ActionRename
	return naming && (replicaName.MatchString(about["name"]) || replicaName.MatchString(about["oldName"]))
}

// An ending is how a run of a container ended.
type ending struct {
	code int
	oom  bool
}

// noteEnd remembers how a run ended: Docker forgets it as soon as the next one
// begins.
func (e *Engine) noteEnd(m events.Message) {
	if m.Action != events.ActionDie && m.Action != events.ActionOOM {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	end := e.ends[m.Actor.ID]
	if m.Action == events.ActionOOM {
		end.oom = true
	} else {
		// The kernel's word for a process it ended comes before the end.
		code, _ := strconv.Atoi(m.Actor.Attributes["exitCode"])
		end = ending{code, end.oom && code == 137}
	}
	e.ends[m.Actor.ID] = end
}
