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
		"return c.State == Running && c.Health.Ready && !c.Unreachable && !m.busy(c)", "return c.State == Running && !m.busy(c)", "I1 availability",
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
		"return m.ready(c) || c.Unprobed() && m.isReached(c) && !c.Unreachable && !m.busy(c)", "return m.ready(c)", "the transcript is another",
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
		"	case len(m.warm(v)) == 0 && !m.tookOver(v):\n		m.do(v.name, prove, \"every replica is ready\")",
		"	case len(m.warm(v)) == 0 && !m.tookOver(v):", "I4 convergence",
	},
	{
		"all stale replicas serve", "plan/route.go",
		"v.serve = stale[:min(n, len(stale))]", "v.serve = stale", "I4 convergence",
	},
	{
		"removed services stay", "plan/prune.go",
		"v.name\n		for _, c := range v.all {", "v.name\n		for _, c := range v.all[:0] {", "I5 orphans",
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
		"	if m.leavingStays() {\n		t.Locations", "	if false {\n		t.Locations", "the transcript is another",
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
	{
		"a revision is reached though a release is on trial", "plan/reached.go",
		"	if n > 0 && !v.proven {", "	if false {", "I12 truth",
	},
	{
		"a revision is reached though replicas are not ready", "plan/reached.go",
		"	case ready < n:", "	case false:", "I12 truth",
	},
	{
		"a revision is reached though a route is not in force", "plan/reached.go",
		"delete(confirmed, l.Key()); !there || have.Hash() != l.Hash() {", "delete(confirmed, l.Key()); false {\n				_, _ = there, have", "I12 truth",
	},
	{
		"what is unmet has no time to look again", "plan/reached.go",
		"		if !steps && !explained", "		if false && !explained", "I12 truth",
	},
	{
		"what another service holds is taken at once", "plan/converge.go",
		"	if m.waitsForNeeds(v) || m.waitsForClaims(v) || need <= 0", "	if m.waitsForNeeds(v) || need <= 0", "I13 one holder",
	},
	{
		"two services take one thing in one pass", "plan/converge.go",
		"			m.claim(a)\n", "", "I13 one holder",
	},
	{
		"a shared volume is taken beside its one writer", "plan/claims.go",
		"|| slices.ContainsFunc(m.holders(v), own)", "|| false && slices.ContainsFunc(m.holders(v), own)", "I13 one holder",
	},
	{
		"a service that gave something up stays down", "plan/prune.go",
		"			m.comeBack(v)\n", "", "the transcript is another",
	},
	{
		"the one that took over keeps what is needed again", "plan/view.go",
		"why != \"\" && !condemned {", "false && why != \"\" {", "the transcript is another",
	},
	{
		"what leaves goes while others are on their way", "plan/order.go",
		"		if !m.arrived(v) {", "		if false {", "I14 order",
	},
	{
		"what leaves goes after a release was condemned", "plan/order.go",
		"v.verdict == \"\" && v.known && v.proven && v.fingerprint == v.wantedPrint", "v.known && v.proven", "I14 order",
	},
	{
		"a new release does not wait for its needs", "plan/needs.go",
		"	if v.proven && len(v.all) > 0 {", "	if len(v.all) > 0 {", "I14 order",
	},
	{
		"a release is judged while its need is away", "plan/judge.go",
		"need != \"\" && slices.ContainsFunc(v.fresh, alive) {", "need != \"\" && m.now.IsZero() && slices.ContainsFunc(v.fresh, alive) {", "the transcript is another",
	},
	{
		"the progress deadline has no reader", "plan/judge.go",
		"	if !tries || deadline <= 0 || m.now.Before(since.Add(deadline)) {", "	if true || tries && m.now.Before(since) {", "the transcript is another",
	},
	{
		"nothing is asked before the outage", "plan/claims.go",
		"&& (!m.mustPrepare(v) || m.prepared(v))", "", "the transcript is another",
	},
	{
		"drift that comes back is repaired for ever", "plan/repair.go",
		"c.Drift != \"\" && m.now.Before(r.Next)", "false", "I8 effort",
	},
	{
		"what is disconnected stays routed", "plan/view.go",
		"c.Health.Ready && !c.Unreachable && !m.busy(c)", "c.Health.Ready && !m.busy(c)", "the transcript is another",
	},
}
