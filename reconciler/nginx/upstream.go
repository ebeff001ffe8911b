package nginx

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"havn.internal/reconciler/plan"
)

// upstreamName is generated: a user's name never becomes one of nginx's.
func upstreamName(l plan.Location) string {
	form, err := json.Marshal([]any{l.Target.Service, l.Target.Port, l.Target.Options.Upstream, l.Servers, l.Spares})
	if err != nil {
		panic("nginx: " + err.Error()) // only strings, numbers and addresses
	}
	sum := sha256.Sum256(form)
	return "u_" + hex.EncodeToString(sum[:16])
}

func (e *emitter) upstreams(t plan.Table) {
	done := map[string]bool{}
	for _, l := range t.Locations {
		name := upstreamName(l)
		if l.Target.Redirect != nil || len(l.Servers) == 0 || done[name] {
			continue
		}
		done[name] = true
		e.block(func() { e.upstream(l) }, "upstream", raw(name))
	}
}

// upstream lists the replicas. nginx never takes one for failed (max_fails=0): any
// client could have it do so, by requests that the service answers badly. Which
// replicas can serve is what havn's health checks say; until they do, each request
// that meets one that is gone is sent on to the next.
func (e *emitter) upstream(l plan.Location) {
	for _, s := range l.Servers {
		e.dir("server", address(s), raw("max_fails=0"))
	}
	for _, s := range l.Spares {
		e.dir("server", address(s), raw("max_fails=0"), raw("backup"))
	}
	u := l.Target.Options.Upstream
	if u.Keepalive > 0 {
		e.dir("keepalive", number(u.Keepalive))
		e.dir("keepalive_timeout", duration(u.IdleTimeout))
		e.dir("keepalive_requests", number(10000))
	}
}

// triesOf is how many replicas a request may be sent to. A request that was sent
// reaches a second one only if its method is idempotent (RFC 9110, 9.2.2; nginx never
// repeats a POST, PATCH or LOCK), and no third: one that ends its replica must not end
// them all. But servers that die with their release do so all at once, so with spares
// each of them may be tried, and the last try is a spare's.
func triesOf(l plan.Location) int {
	if len(l.Spares) > 0 {
		return len(l.Servers) + 1
	}
	return min(len(l.Servers), 2)
}

// shortConnect is long enough for the kernel to send a lost SYN once more (1 s).
const shortConnect = 1100 * time.Millisecond

// retries gives each replica that is tried its share of the time to connect, with one
// share left for the answer: who can't be reached costs a client no more than that.
func (e *emitter) retries(l plan.Location) {
	all, tries := time.Duration(l.Target.Options.Timeouts.Connect), triesOf(l)
	if tries == 1 {
		e.dir("proxy_connect_timeout", duration(all))
		return
	}
	each := max(all/time.Duration(tries+1), min(all, shortConnect))
	e.dir("proxy_connect_timeout", duration(each))
	e.dir("proxy_next_upstream_tries", number(tries))
	e.dir("proxy_next_upstream_timeout", duration(max(all, each*time.Duration(tries))))
}
