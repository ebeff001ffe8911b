package reconciler

var mutants = []mutant{
	{
		"an image that a rollback may want is removed", "plan/collect.go",
		"		recalled = append(append(recalled, have.LastGood[name].ImageID), have.Recall[name]...)\n", "		_ = name\n", "may have to go back",
	},
	{
		"an image that others brought is removed", "images.go",
		"	for id, s := range have.Stored {\n", "	for id, s := range have.Stored {\n		if len(s.Names) > 0 {\n			s.Fetched = s.Names[0]\n		}\n", "I3 non-interference",
	},
	{
		"an image is removed amid a rollout", "plan/collect.go",
		"if len(m.plan.Steps)+len(m.have.InFlight) > 0 || ", "return true\n	if ", "images",
	},
	{
		"a routed replica is stopped", "plan/retire.go",
		"if m.isReached(c) || m.mayBeRouted(v) {", "if m.mayBeRouted(v) {", "I1 availability",
	},
	{
		"a spare is stopped", "plan/retire.go",
		"if m.isReached(c) || m.mayBeRouted(v) {", "if m.isRouted(c) || m.mayBeRouted(v) {", "drain",
	},
	{
		"a second writer while the first is starting", "plan/converge.go",
		"count(v.stale, takesRoom) > 0 || all > same {", "count(v.stale, takesRoom) > 0 {", "I6 surge",
	},
	{
		"a replica is stopped before it is drained", "plan/retire.go",
		"end := drain.Since.Add(limit)", "end := drain.Since.Add(limit - limit)", "drain",
	},
	{
		"a replica is routed before it is ready", "plan/view.go",
		"return c.State == Running && c.Health.Ready && !m.busy(c)", "return c.State == Running && !m.busy(c)", "I1 availability",
	},
	{
		"a location goes to a service that is not ready", "plan/route.go",
		"if moved && m.awaits", "if false && moved && m.awaits", "I1 availability",
	},
	{
		"a new location takes requests from those who answer", "plan/route.go",
		"case !had && m.awaits(l.Target.Service):", "case false:", "takes requests from",
	},
	{
		"a last resort takes the room of what comes after it", "plan/route.go",
		"last = last[:min(len(last), v.replicas())]", "", "the transcript is another",
	},
	{
		"what is presumed to answer takes over", "plan/route.go",
		"return !c.Unprobed() || before.sendsTo(c.Addr)", "return true", "I1 availability",
	},
	{
		"a replica that is not probed yet is not served", "plan/view.go",
		"return m.ready(c) || c.Unprobed() && m.isReached(c) && !m.busy(c)", "return m.ready(c)", "the transcript is another",
	},
	{
		"an address that may still be meant is given away", "plan/address.go",
		`	for a := range m.have.Quarantine {
		m.used[a] = true
	}
	for a := range m.reached {
		m.used[a] = true
	}
	for a, drain := range m.have.Gateway.Unrouted {
		if !drain.Done {
			m.used[a.Addr()] = true
		}
	}
`, "", "I2 identity",
	},
	{
		"one replica too many", "plan/converge.go",
		"n + v.rollout().Surge - ", "n + v.rollout().Surge + 1 - ", "I6 surge",
	},
	{
		"what Docker is about to start takes no room", "plan/converge.go",
		"return up(c) || c.State == Created }", "return up(c) }", "I6 surge",
	},
	{
		"a verdict is forgotten", "plan/view.go",
		"case !condemned || proven:", "case !condemned || condemned:", "I8 effort",
	},
	{
		"a condemned release is started", "plan/view.go",
		"v.verdict, v.held, v.phase = verdict.Reason, true, Stuck", "v.verdict, v.held, v.phase = verdict.Reason, false, Stuck", "condemned: ",
	},
	{
		"a release is never proven", "plan/judge.go",
		"	case len(m.warm(v)) == 0:\n		m.do(v.name, prove, \"every replica is ready\")", "	case len(m.warm(v)) == 0:", "I4 convergence",
	},
	{
		"all stale replicas serve", "plan/route.go",
		"v.serve = stale[:min(n, len(stale))]", "v.serve = stale", "I4 convergence",
	},
	{
		"removed services stay", "plan/prune.go",
		"	for _, v := range m.leaving {\n		for _, c := range v.all {", "	for _, v := range m.leaving[:0] {\n		for _, c := range v.all {", "I5 orphans",
	},
	{
		"stopped replicas stay", "plan/retire.go",
		`	m.do(v.name, Remove{c.Name, c.ID}, "it does not run and is not wanted")`, "", "I4 convergence",
	},
	{
		"failures are retried at once", "plan/make.go",
		"failed && m.now.Before(f.Retry) {", "failed && false {\n		_ = f", "I8 effort",
	},
	{
		"what is ill is replaced at once", "plan/converge.go",
		"	if m.now.Before(until) {", "	if false {", "I8 effort",
	},
	{
		"two steps on one object", "plan/make.go",
		" || m.planned[key] {", " {", "one act an object",
	},
	{
		"the order of a map", "plan/make.go",
		"for _, name := range want.ServiceNames() {", "for name := range want.Services {", "determinism",
	},
	{
		"an act is not recorded", "reconciler.go",
		"	r.Journal.Applied(d.Step, d.Took, d.Err)\n", "", "I11 history",
	},
	{
		"the warm replicas are let go at once", "plan/judge.go",
		"	if v.proven || v.replicas() == 0 {", "	if true {", "the transcript is another",
	},
	{
		"the last good release stays as it was proven", "plan/judge.go",
		"			m.do(v.name, prove, now)", "			_ = now", "the transcript is another",
	},
	{
		"routes of services whose removal is held are dropped", "plan/route.go",
		"	if m.overBudget() {\n		t.Locations", "	if false {\n		t.Locations", "the transcript is another",
	},
	{
		"the host's own path takes a route's", "plan/own.go",
		"			if other.Host == l.Host && ", "			if other.Host == \"\" && ", "own: ",
	},
	{
		"the host's own name takes the others' requests", "plan/own.go",
		"	case others:\n", "	case others && name == \"_\":\n", "own: ",
	},
	{
		"a volume goes with its container", "model/engine.go",
		"		delete(h.containers, c.Name)\n		return quick, nil", "		delete(h.containers, c.Name)\n		clear(h.volumes)\n		return quick, nil", "I7 data",
	},
	{
		"steps are planned for a host that does not answer", "reconciler.go",
		"		return r.blind(want.Revision, err), true",
		"		for _, s := range plan.Make(*want, have, r.Now()).Steps {\n			r.acts.Begin(ctx, s)\n		}\n		return r.blind(want.Revision, err), true",
		"unknown is not absent",
	},
}
