package reconciler

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// TestProperties lets people, the world and faults do what they like, and has the
// oracle watch; then everything calms down, and the host has to converge.
//
// It draws the same on every machine; `make chaos` draws others, and more.
func TestProperties(t *testing.T) {
	for name, value := range map[string]string{"rapid.checks": "150", "rapid.seed": "11"} {
		if f := flag.Lookup(name); f.Value.String() != f.DefValue {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) { newChaos(t).play() })
}

// images and how they behave.
var behaviours = map[string]model.Behaviour{
	"good:1": model.Usual, "good:2": model.Usual, "good:3": model.Usual,
	"slow:1":    {Start: 2 * time.Second, Ready: 8 * time.Second, Stop: 3 * time.Second},
	"never:1":   {Start: 300 * time.Millisecond, Ready: model.Never, Stop: time.Minute},
	"loops:1":   {Start: 100 * time.Millisecond, Ready: model.Never, Crash: 300 * time.Millisecond},
	"dies:1":    {Start: 300 * time.Millisecond, Ready: time.Second, DiesRouted: 500 * time.Millisecond},
	"sick:1":    {Start: 300 * time.Millisecond, Ready: time.Second, SickRouted: 2 * time.Second},
	"cant:1":    {Start: 300 * time.Millisecond, CantStart: "executable not found"},
	"absent:1":  model.Usual,
	"refused:1": {CantCreate: "its workdir is a file"},
}

// A chaos draws what happens.
type chaos struct {
	*rig
	t      *rapid.T
	oracle *oracle
	site   spec.Site
	before []spec.Site
	faults map[int]model.Fault
	calls  int
	n      int
}

func newChaos(t *rapid.T) *chaos {
	c := &chaos{rig: newRig(), t: t, faults: map[int]model.Fault{}}
	c.own, c.retain = []plan.Location{ownAt("h2.test")}, plan.Retention{Keep: 30 * time.Second, Size: 200 << 20}
	c.havn.Own, c.havn.Retention = c.own, c.retain
	c.host.Allow(spec.Policy{Publish: []string{"*:53"}})
	c.oracle = watch(t, c.rig)
	c.host.Faults = func(call model.Call) model.Fault {
		c.calls = call.N
		return c.faults[call.N]
	}
	for _, ref := range slices.Sorted(maps.Keys(behaviours)) {
		c.host.Behave(ref, behaviours[ref])
		if ref != "absent:1" {
			c.host.Push(ref, "sha256:"+ref, time.Second)
		}
	}
	c.order = func(steps []plan.Step) {
		if len(steps) > 1 && c.one("order", "planned", "reversed") == "reversed" {
			slices.Reverse(steps)
		}
	}
	c.site = site("")
	c.record()
	return c
}

// record logs what havn does; rapid shows it for the shortest failure.
func (c *chaos) record() {
	begun, ended := c.begun, c.ended
	c.begun = func(s plan.Step) {
		c.t.Logf("%s %s: %s  # %s", clock(c.time.Now()), s.Service, s.Action, s.Why)
		begun(s)
	}
	c.ended = func(d apply.Done) {
		if d.Err != nil {
			c.t.Logf("%s failed: %v", clock(c.time.Now()), d.Err)
		}
		ended(d)
	}
}

func (c *chaos) one(what string, of ...string) string { return rapid.SampledFrom(of).Draw(c.t, what) }
func (c *chaos) number(what string, low, high int) int {
	return rapid.IntRange(low, high).Draw(c.t, what)
}

func (c *chaos) duration(what string, of ...time.Duration) time.Duration {
	return rapid.SampledFrom(of).Draw(c.t, what)
}

const second = time.Second

func (c *chaos) play() {
	c.commit()
	for range c.number("acts", 3, 30) {
		deeds[c.one("deed", names...)](c)
		c.run(c.duration("run", 20*time.Millisecond, 200*time.Millisecond, second, 3*second, 15*second, 90*second))
		c.oracle.ok()
	}
	c.calm()
	c.oracle.converges()
}

// calm ends all that stands in the way for good.
func (c *chaos) calm() {
	c.faults = map[int]model.Fault{}
	c.host.OccupyPort("")
	c.host.Listen(netip.MustParseAddrPort("127.0.0.1:53"), "")
	c.host.Free()
	c.host.Mend()
	for _, ref := range slices.Sorted(maps.Keys(behaviours)) {
		c.host.Push(ref, "sha256:"+ref, time.Second)
	}
	// What a tag no longer means can't be pulled; somebody loads it.
	for _, r := range c.journal.LastGood() {
		c.host.Load("loaded@"+r.ImageID, r.ImageID)
	}
	c.prune, c.havn.Prune = true, true
	c.run(6 * time.Minute)
	c.havn.Retry()
	c.due = c.time.Now()
}

func (c *chaos) commit() {
	for range c.number("changes", 1, 3) {
		changes[c.one("change", changeNames...)](c)
	}
	c.publish(c.site)
}

// publish delivers the site, without what is not whole.
func (c *chaos) publish(s spec.Site) {
	c.n++
	s = cloneSite(s)
	s.Revision = fmt.Sprintf("r%d", c.n)
	for name, r := range s.Routes {
		for _, t := range r.Paths {
			if _, ok := s.Services[t.Service]; !ok {
				delete(s.Routes, name)
			}
		}
	}
	var held []spec.Service
	for _, name := range s.ServiceNames() {
		service := s.Services[name]
		conflict := func(o spec.Service) bool { _, is := service.Conflict(o); return is }
		if slices.ContainsFunc(held, conflict) {
			service.Volumes, service.Ports = nil, nil
			s.Services[name] = exclusive(service)
		}
		held = append(held, s.Services[name])
	}
	for name, service := range s.Services {
		service.Needs = slices.DeleteFunc(slices.Clone(service.Needs), func(need string) bool {
			_, ok := s.Services[need]
			return !ok
		})
		s.Services[name] = service
	}
	c.before = append(c.before, s)
	c.deliver(s)
}

// some draws one of havn's replicas, "" if there is none.
func (c *chaos) some() string {
	var out []string
	v := c.host.View()
	for _, name := range slices.Sorted(maps.Keys(v.Replicas)) {
		if !v.Replicas[name].Foreign {
			out = append(out, name)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return out[c.number("replica", 0, len(out)-1)]
}

var deeds = map[string]func(c *chaos){
	"commit":  (*chaos).commit,
	"commit2": (*chaos).commit,
	"revert": func(c *chaos) {
		s := c.before[c.number("revision", 0, len(c.before)-1)]
		c.site = cloneSite(s)
		c.publish(s)
	},
	"nothing":    func(c *chaos) {},
	"kill":       func(c *chaos) { c.host.Kill(c.some()) },
	"sicken":     func(c *chaos) { c.host.Sicken(c.some(), c.duration("sick for", second, 10*second, 5*time.Minute)) },
	"rm":         func(c *chaos) { c.host.RemoveByHand(c.some()) },
	"stop":       func(c *chaos) { c.host.StopByHand(c.some()) },
	"pause":      func(c *chaos) { c.host.PauseByHand(c.some()) },
	"disconnect": func(c *chaos) { c.host.Disconnect(c.some()) },
	"edit":       func(c *chaos) { c.host.Edit(c.some(), "its memory limit is 1, should be 0") },
	"docker":     func(c *chaos) { c.host.RestartDocker(c.duration("away", second, 10*second)) },
	"nginx":      func(c *chaos) { c.host.KillGateway(c.duration("back", 500*time.Millisecond, model.Never)) },
	"port":       func(c *chaos) { c.host.OccupyPort(c.one("port", "", "apache2")) },
	"hold": func(c *chaos) {
		c.host.Hold(c.host.View().Replicas[c.some()].Addr, c.duration("hold", 10*second, 5*time.Minute))
	},
	"take": func(c *chaos) { c.take() },
	"listen": func(c *chaos) {
		c.host.Listen(netip.MustParseAddrPort("127.0.0.1:53"), c.one("listens", "", "dnsmasq"))
	},
	"rmi":  func(c *chaos) { c.host.RemoveImageByHand(c.one("image", "good:1", "good:2", "good:3")) },
	"pull": func(c *chaos) { c.host.BreakPull(c.one("image", "good:1", "good:2", "good:3"), "registry: 503") },
	"push": func(c *chaos) {
		ref := c.one("image", "good:1", "good:2", "good:3")
		c.host.Push(ref, "sha256:"+ref+c.one("moved", "", "-moved"), 2*second)
	},
	"lose":  func(c *chaos) { c.journal.Lose() },
	"crash": func(c *chaos) { c.crash(c.duration("dead", 10*time.Millisecond, second, 20*second)) },
	"fault": (*chaos).fault, "fault2": (*chaos).fault, "fault3": (*chaos).fault,
}

var names = slices.Sorted(maps.Keys(deeds))

// take has somebody else's container where a replica is or may come to be.
func (c *chaos) take() {
	name := c.some()
	at := c.host.View().Replicas[name].Addr
	if c.one("take", "name", "address") == "name" {
		c.host.RemoveByHand(name)
		c.host.TakeName(name, "a container of image other", netip.Addr{})
		return
	}
	if at.IsValid() {
		c.host.StopByHand(name)
		c.host.TakeName("other", "a container of image other", at)
	}
}

// fault lets one of the next calls go wrong.
func (c *chaos) fault() {
	at := c.calls + c.number("call", 1, 25)
	f := model.Fault{}
	switch c.one("fault", "error", "lost", "slow", "before", "mid", "after") {
	case "error":
		f.Err = errors.New("500 Internal Server Error")
	case "lost":
		f.Err, f.Lost = errors.New("unexpected EOF"), true
	case "slow":
		f.Delay = c.duration("delay", 300*time.Millisecond, 5*second)
	case "before":
		f.Crash = model.CrashBefore
	case "mid":
		f.Crash = model.CrashMid
	case "after":
		f.Crash = model.CrashAfter
	}
	c.faults[at] = f
}
