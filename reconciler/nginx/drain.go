package nginx

import (
	"net/netip"
	"time"

	"havn.internal/reconciler/plan"
)

// keepDrained is how long an address that is drained is still reported.
const keepDrained = 10 * time.Minute

// A drain follows an address that left the table. No connection now is not
// enough: an old worker may hold a request that it has not sent on yet, one whose
// body is still coming in. So it is over when every worker of the time has ended;
// or, when some are held by other services' long connections, when none has had a
// connection to the address for longer than a request may take.
type drain struct {
	since   time.Time
	workers []worker
	// unseen: the workers of the time are not known, so the drain is not over
	// before they have been cut.
	unseen bool
	// quiet is since when there has been no connection to the address.
	quiet time.Time
	// told: that it is quiet has been news once.
	told  bool
	done  bool
	ended time.Time
}

// hush is how long there has to be no connection to an address for it to be quiet.
const hush = 200 * time.Millisecond

// limits of a drain.
type limits struct {
	// request is how long a request may take, shutdown when workers are cut.
	request, shutdown time.Duration
}

// follow updates d. connected says whether one of the workers has a connection to
// the address.
func (d *drain) follow(connected func([]worker) bool, now time.Time, l limits) {
	switch {
	case d.done:
		return
	case d.unseen:
		d.done = now.Sub(d.since) >= l.shutdown
	case !anyAlive(d.workers):
		d.done = true
	case connected(d.workers):
		d.quiet = time.Time{}
	case d.quiet.IsZero():
		d.quiet = now
	default:
		d.done = now.Sub(d.quiet) >= l.request
	}
	if d.done {
		d.ended = now
	}
}

// hushed: no connection to the address has been seen for a while.
func (d *drain) hushed(now time.Time) bool {
	return d.done || !d.quiet.IsZero() && now.Sub(d.quiet) >= hush
}

// drains are the addresses that left the table.
type drains map[netip.AddrPort]*drain

// update follows all drains, and reports whether one ended or became quiet.
func (ds drains) update(now time.Time, l limits) (news bool) {
	var look sight
	for addr, d := range ds {
		was, loud := d.done, !d.told
		d.follow(func(ws []worker) bool { return look.connected(addr, ws) }, now, l)
		d.told = d.told || d.hushed(now)
		news = news || d.done && !was || d.told && loud
		if d.done && now.Sub(d.ended) > keepDrained {
			delete(ds, addr)
		}
	}
	return news
}

// pending: somebody whom the table names is not drained.
func (ds drains) pending(t plan.Table) bool {
	for a := range t.Servers() {
		if d := ds[a]; d != nil && !d.done {
			return true
		}
	}
	return false
}

// youngest is how long ago the last drain that is not over began; false if all
// are.
func (ds drains) youngest(now time.Time) (time.Duration, bool) {
	age, pending := time.Duration(0), false
	for _, d := range ds {
		if a := now.Sub(d.since); !d.done && (!pending || a < age) {
			age, pending = a, true
		}
	}
	return age, pending
}

func (ds drains) report(now time.Time) map[netip.AddrPort]plan.Drain {
	out := map[netip.AddrPort]plan.Drain{}
	for addr, d := range ds {
		out[addr] = plan.Drain{Since: d.since, Quiet: d.hushed(now), Done: d.done}
	}
	return out
}
