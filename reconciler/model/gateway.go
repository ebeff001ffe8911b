package model

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"time"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/plan"
)

// Gateway is the host's nginx as havn uses it.
type Gateway struct{ h *Host }

// Gateway returns the host's nginx.
func (h *Host) Gateway() Gateway { return Gateway{h} }

// Observe says what the gateway does.
func (g Gateway) Observe(ctx context.Context) (plan.Gateway, error) {
	h := g.h
	var out plan.Gateway
	err := h.call(ctx, "observe", "gateway", func(now time.Time) (time.Duration, error) {
		n := &h.nginx
		n.recognise(now)
		out = plan.Gateway{
			Running: n.known, Generation: n.confirmed.number, Table: n.confirmed.table,
			Routed: maps.Clone(n.routed), Unrouted: map[netip.AddrPort]plan.Drain{}, Rejected: maps.Clone(n.rejected), Problem: n.problem,
		}
		for a, d := range n.drains {
			out.Unrouted[a] = plan.Drain{Since: d.since, Done: d.done(a, now, h.RequestLimit)}
		}
		return 0, nil
	}, nil)
	return out, err
}

// StartGateway brings nginx up with the last confirmed table.
func (g Gateway) StartGateway(ctx context.Context) error {
	h := g.h
	n := &h.nginx
	return h.call(ctx, "gateway", plan.StartGateway{}.Key(), func(now time.Time) (time.Duration, error) {
		if n.busy != "" {
			n.problem = "nginx does not run: " + n.busy
			return 0, errors.New(n.busy)
		}
		if n.confirmed.number == 0 {
			n.confirmed = generation{number: 1}
			n.save(n.confirmed, now, h.RequestLimit)
		}
		next := n.confirmed
		if n.running {
			n.pending, n.switchAt = &next, now.Add(nginxReload)
			return nginxReload, nil
		}
		n.active, n.pending, n.switchAt, n.restartAt = next, nil, time.Time{}, now.Add(nginxStart)
		return nginxStart, nil
	}, func(now time.Time) error {
		if !n.running || n.active.number != n.confirmed.number {
			return errors.New("nginx did not come up")
		}
		n.recognise(now)
		return nil
	})
}

// SetRoutes makes nginx follow a table and returns when it does.
func (g Gateway) SetRoutes(ctx context.Context, t plan.Table) error {
	h := g.h
	n := &h.nginx
	var next generation
	var rejected map[string]string
	return h.call(ctx, "routes", plan.SetRoutes{}.Key(), func(now time.Time) (time.Duration, error) {
		if !n.running {
			return 0, errors.New("nginx does not run")
		}
		if t.Hash() == n.confirmed.table.Hash() {
			next = n.confirmed
			return 0, nil
		}
		next, rejected = h.stage(t)
		if next.table.Hash() == n.confirmed.table.Hash() {
			next = n.confirmed
			return 0, nil
		}
		n.save(next, now, h.RequestLimit)
		n.pending, n.switchAt = &next, now.Add(nginxReload)
		return nginxReload, nil
	}, func(now time.Time) error {
		if !n.running || n.active.number != next.number {
			return errors.New("nginx did not confirm the generation")
		}
		if next.number != n.confirmed.number {
			n.confirm(next, n.leaving(now), now)
		}
		maps.Copy(n.rejected, rejected)
		if len(rejected) > 0 {
			return &apply.RejectedError{Locations: rejected, Applied: true}
		}
		return nil
	})
}

// stage is the generation nginx would take: what it refuses is left out, or stays
// as it was confirmed.
func (h *Host) stage(t plan.Table) (generation, map[string]string) {
	n := &h.nginx
	next := generation{number: n.confirmed.number}
	for _, g := range n.saved {
		next.number = max(next.number, g.number)
	}
	next.number++
	rejected := map[string]string{}
	before := map[plan.LocationKey]plan.Location{}
	for _, l := range n.confirmed.table.Locations {
		before[l.Key()] = l
	}
	for _, l := range t.Locations {
		l.Servers, l.Spares = slices.Clone(l.Servers), slices.Clone(l.Spares)
		why := ""
		if h.Reject != nil {
			why = h.Reject(l)
		}
		if why == "" {
			next.table.Locations = append(next.table.Locations, l)
			continue
		}
		rejected[l.Hash()] = why
		if old, had := before[l.Key()]; had && old.Hash() != l.Hash() {
			if old.Target.Service == l.Target.Service && old.Target.Port == l.Target.Port {
				old.Servers, old.Spares = l.Servers, l.Spares
			}
			next.table.Locations = append(next.table.Locations, old)
		}
	}
	next.table.Sort()
	return next, rejected
}
