package reconciler

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// options are the KEY=VALUE words of a command.
type options map[string]string

func (o options) duration(key string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(o[key]); err == nil {
		return d
	}
	return otherwise
}

func (o options) number(key string, otherwise int) int {
	if n, err := strconv.Atoi(o[key]); err == nil {
		return n
	}
	return otherwise
}

// command carries out one line of a script.
func (p *play) command(words []string) error {
	var args []string
	opts := options{}
	for _, w := range words[1:] {
		if k, v, ok := strings.Cut(w, "="); ok && !strings.Contains(k, "/") {
			opts[k] = strings.ReplaceAll(v, "_", " ")
		} else {
			args = append(args, w)
		}
	}
	f, ok := commands[words[0]]
	if !ok {
		return fmt.Errorf("there is no command %q", words[0])
	}
	for len(args) < 2 {
		args = append(args, "")
	}
	f(p, args, opts)
	return nil
}

var commands = map[string]func(p *play, args []string, o options){
	"service": func(p *play, args []string, o options) { p.service(args[0], o) },
	"route":   func(p *play, args []string, o options) { p.routeTo(args[0], args[1:], o) },
	"drop": func(p *play, args []string, o options) {
		delete(p.site.Services, args[0])
		delete(p.site.Routes, args[0])
		delete(p.site.Volumes, args[0])
	},
	"commit": func(p *play, args []string, o options) {
		p.site.Revision = args[0]
		p.deliver(cloneSite(p.site))
	},
	"run": func(p *play, args []string, o options) {
		d, err := time.ParseDuration(args[0])
		if err != nil {
			panic(err)
		}
		// A planner that goes wild is stopped in time.
		for end := p.time.Now().Add(d); p.oracle.problem == "" && p.time.Now().Before(end); {
			p.run(min(10*time.Second, end.Sub(p.time.Now())))
		}
		p.oracle.ok()
	},
	"settle": func(p *play, args []string, o options) {
		if !p.settle(2 * time.Hour) {
			p.printf("  not settled")
		}
		p.status()
	},
	"status": func(p *play, args []string, o options) { p.status() },
	"image": func(p *play, args []string, o options) {
		id := "sha256:" + strings.ReplaceAll(args[0], ":", "-") + args[1]
		p.host.Describe(args[0], o.word())
		if o["at"] == "host" {
			p.host.Load(args[0], id)
			return
		}
		p.host.Push(args[0], id, o.duration("pull", time.Second))
	},
	"nopull": func(p *play, args []string, o options) { p.host.BreakPull(args[0], "registry: 503") },
	"retain": func(p *play, args []string, o options) {
		p.retain = plan.Retention{Keep: o.duration("keep", 0), Size: int64(o.number("megabytes", 0)) << 20}
		p.havn.Retention = p.retain
	},
	"images": func(p *play, args []string, o options) {
		for _, id := range slices.Sorted(maps.Keys(p.havn.Last().Have.Stored)) {
			p.printf("  %s", id)
		}
	},
	"rmi": func(p *play, args []string, o options) { p.host.RemoveImageByHand(args[0]) },
	"behave": func(p *play, args []string, o options) {
		p.host.Behave(args[0], model.Behaviour{
			Start: o.duration("start", model.Usual.Start), Ready: o.duration("ready", model.Usual.Ready), Stop: o.duration("stop", model.Usual.Stop),
			Crash: o.duration("crash", 0), DiesRouted: o.duration("dies", 0), SickRouted: o.duration("sick", 0), CantStart: o["cant"],
			CantCreate: o["cantcreate"], HostFails: o["hostfails"],
		})
	},
	"fail":  func(p *play, args []string, o options) { p.fail(args[0], o.number("times", 1)) },
	"delay": func(p *play, args []string, o options) { p.delay(args[0], o.duration("for", time.Second)) },
	"crash": func(p *play, args []string, o options) { p.rig.crash(o.duration("for", time.Second)) },
	"kill":  func(p *play, args []string, o options) { p.host.Kill(p.replica(args[0])) },
	"sicken": func(p *play, args []string, o options) {
		p.host.Sicken(p.replica(args[0]), o.duration("for", model.Never))
	},
	"rm":         func(p *play, args []string, o options) { p.host.RemoveByHand(p.replica(args[0])) },
	"stop":       func(p *play, args []string, o options) { p.host.StopByHand(p.replica(args[0])) },
	"pause":      func(p *play, args []string, o options) { p.host.PauseByHand(p.replica(args[0])) },
	"disconnect": func(p *play, args []string, o options) { p.host.Disconnect(p.replica(args[0])) },
	"meddle":     func(p *play, args []string, o options) { p.host.Meddle = o["drift"] },
	"edit":       func(p *play, args []string, o options) { p.host.Edit(p.replica(args[0]), o["drift"]) },
	"docker":     func(p *play, args []string, o options) { p.host.RestartDocker(o.duration("away", time.Second)) },
	"nginx":      func(p *play, args []string, o options) { p.host.KillGateway(o.duration("back", model.Never)) },
	"port":       func(p *play, args []string, o options) { p.host.OccupyPort(o["by"]) },
	"hold": func(p *play, args []string, o options) {
		p.host.Hold(p.host.View().Replicas[p.replica(args[0])].Addr, o.duration("for", time.Minute))
	},
	"take": func(p *play, args []string, o options) {
		addr, _ := netip.ParseAddr(o["at"])
		p.host.TakeName(p.replica(args[0]), "a container of image other", addr)
	},
	"listen": func(p *play, args []string, o options) {
		p.host.Listen(netip.MustParseAddrPort(args[0]), o["by"])
	},
	"network": func(p *play, args []string, o options) { p.host.SpoilNetwork(o["problem"]) },
	"volume":  func(p *play, args []string, o options) { p.host.SpoilVolume(args[0], o["problem"]) },
	"policy": func(p *play, args []string, o options) {
		p.host.Allow(spec.Policy{Publish: strings.Fields(o["publish"]), Capabilities: strings.Fields(o["capabilities"]), Limits: spec.Limits{Replicas: o.number("replicas", 0)}})
	},
	"subnet": func(p *play, args []string, o options) { p.host.Assign(netip.MustParsePrefix(args[0])) },
	"own": func(p *play, args []string, o options) {
		host, path, _ := strings.Cut(args[0], "/")
		l := ownAt(host)
		l.Path = "/" + path
		p.own = []plan.Location{l}
		p.havn.Own = p.own
	},
	"lose": func(p *play, args []string, o options) { p.journal.Lose() },
	"prune": func(p *play, args []string, o options) {
		p.prune, p.havn.Prune = true, true
		p.havn.Wake()
		p.due = p.time.Now()
	},
	"reject": func(p *play, args []string, o options) {
		p.host.Reject = func(l plan.Location) string {
			if args[0] != "" && strings.Contains(l.Host+l.Path, args[0]) {
				return "invalid location"
			}
			return ""
		}
	},
}

// word is what an image says, of a command for one that is not there.
func (o options) word() plan.Word {
	w := plan.Word{Entrypoint: []string{orElse(o["entrypoint"], "/app")}, User: o["user"], StopSignal: o["signal"]}
	if o["entrypoint"] == "none" {
		w.Entrypoint = nil
	}
	if every := o.duration("check", 0); every > 0 {
		w.Check = plan.Check{Interval: every, Timeout: 30 * time.Second, Failures: 3}
	}
	list := func(key string) []string { return strings.FieldsFunc(o[key], func(r rune) bool { return r == ',' }) }
	w.Volumes, w.Exposed, w.Labels = list("volumes"), list("exposed"), list("labels")
	return w
}

func (p *play) service(name string, o options) {
	s := service(name, o["image"], o.number("replicas", 1))
	s.Rollout.Strategy = spec.Strategy(orElse(o["strategy"], string(spec.Rolling)))
	s.Rollout.OnFailure = spec.OnFailure(orElse(o["onfailure"], string(spec.RollBack)))
	s.Rollout.Watch = spec.Duration(o.duration("watch", s.Rollout.Watch.Std()))
	s.Rollout.Drain = spec.Duration(o.duration("drain", s.Rollout.Drain.Std()))
	s.Rollout.HealthyDeadline = spec.Duration(o.duration("healthy", s.Rollout.HealthyDeadline.Std()))
	s.Rollout.ProgressDeadline = spec.Duration(o.duration("progress", s.Rollout.ProgressDeadline.Std()))
	s.Rollout.Surge = o.number("surge", 1)
	s.Pull = spec.PullPolicy(orElse(o["pull"], string(spec.PullMissing)))
	if o["needs"] != "" {
		s.Needs = strings.Split(o["needs"], ",")
	}
	if h := o["health"]; h != "" {
		s.Health.Kind = spec.HealthKind(h)
		s.Health.Image.Interval = spec.Duration(o.duration("interval", 0))
	}
	if v := o["volume"]; v != "" {
		s.Volumes = map[string]spec.VolumeMount{"/data": {Volume: v}}
		p.site.Volumes[v] = spec.Volume{Name: v}
		s.Rollout.Strategy, s.Rollout.Forced = spec.Recreate, "volume "+v+" has one writer"
	}
	if h := o["host"]; h != "" {
		s.Ports = map[string]spec.Port{"public": {Port: 80, Protocol: "tcp", Host: h}}
		s.Rollout.Strategy, s.Rollout.Forced = spec.Recreate, "port public is published on the host at "+h
	}
	switch s.Rollout.Strategy {
	case spec.BlueGreen:
		s.Rollout.Surge = s.Replicas
	case spec.Recreate:
		s.Rollout.Surge = 0
	}
	p.site.Services[name] = s
}

// routeTo makes a route of HOST/PATH=SERVICE words, or HOST/PATH=>URL for a redirect.
func (p *play) routeTo(name string, paths []string, _ options) {
	r := spec.Route{Name: name, Paths: map[string]spec.Target{}}
	for _, word := range paths {
		where, target, _ := strings.Cut(word, "=")
		host, path, _ := strings.Cut(where, "/")
		r.Hosts = []string{host}
		r.Paths["/"+path] = spec.Target{Service: target}
		if to, is := strings.CutPrefix(target, ">"); is {
			r.Paths["/"+path] = spec.Target{Redirect: &spec.Redirect{To: to, Code: 302}}
		}
	}
	p.site.Routes[name] = r
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// fail has the next calls of an operation fail.
func (p *play) fail(op string, times int) {
	p.host.Faults = func(c model.Call) model.Fault {
		if c.Op != op || times == 0 {
			return model.Fault{}
		}
		times--
		return model.Fault{Err: errors.New("no space left on device")}
	}
}

// delay has the next call of an operation take its effect later.
func (p *play) delay(op string, by time.Duration) {
	p.host.Faults = func(c model.Call) model.Fault {
		if c.Op != op || by == 0 {
			return model.Fault{}
		}
		f := model.Fault{Delay: by}
		by = 0
		return f
	}
}
