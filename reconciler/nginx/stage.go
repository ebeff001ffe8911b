package nginx

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"havn.internal/reconciler/plan"
)

// A refusal is nginx's word, or this package's, that a table can't be served. Any
// other error of a test says nothing about the table.
type refusal string

func (r refusal) Error() string { return string(r) }

// A stage is a generation on its way to be switched to.
type stage struct {
	g        *Gateway
	settings Settings
	before   map[plan.LocationKey]plan.Location
	// rejected says why a location, by its hash, is left out.
	rejected map[string]string
	took     time.Duration
}

// stage writes the generation and has nginx test it. What can't be served is taken
// out of next.table, or stays in it as it was confirmed.
func (g *Gateway) stage(ctx context.Context, s Settings, next *generation, last generation) (rejected map[string]string, took time.Duration, err error) {
	st := &stage{g: g, settings: s, before: map[plan.LocationKey]plan.Location{}, rejected: map[string]string{}}
	for _, l := range last.table.Locations {
		st.before[l.Key()] = l
	}
	if _, err := Render(s, next.table, next.number); err != nil {
		st.without(next, st.unfit(next.table))
	}
	err = st.try(ctx, next)
	var no refusal
	if !errors.As(err, &no) {
		return st.rejected, st.took, err
	}
	if err := st.try(ctx, &generation{number: next.number}); err != nil {
		return nil, st.took, err // it is not the locations' fault
	}
	culprits, cause := st.culprits(ctx, next.number, next.table.Locations)
	if cause != nil {
		return nil, st.took, cause
	}
	if len(culprits) == 0 {
		return nil, st.took, err
	}
	st.without(next, culprits)
	return st.rejected, st.took, st.try(ctx, next)
}

// unfit are the locations that can't be written, or that take what another takes.
func (st *stage) unfit(t plan.Table) map[plan.LocationKey]string {
	out := map[plan.LocationKey]string{}
	taken := map[string]string{}
	for _, l := range t.Locations {
		_, err := Render(st.settings, plan.Table{Locations: []plan.Location{l}}, 0)
		if err == nil {
			err = claim(l, taken)
		}
		if err != nil {
			out[l.Key()] = err.Error()
		}
	}
	return out
}

// without takes locations out of a table. One that was confirmed in another form
// stays in that form; to whom its requests go is only known if it is for the same
// service.
func (st *stage) without(next *generation, bad map[plan.LocationKey]string) {
	var good plan.Table
	for _, l := range next.table.Locations {
		why, isBad := bad[l.Key()]
		if !isBad {
			good.Locations = append(good.Locations, l)
			continue
		}
		st.rejected[l.Hash()] = l.Target.Conceal(why)
		old, had := st.before[l.Key()]
		if !had || old.Hash() == l.Hash() {
			continue
		}
		if old.Target.Service == l.Target.Service && old.Target.Port == l.Target.Port {
			old.Servers, old.Spares = l.Servers, l.Spares
		}
		good.Locations = append(good.Locations, old)
	}
	good.Sort()
	next.table = good
}

// culprits finds the locations that nginx refuses, by halves.
func (st *stage) culprits(ctx context.Context, number int, among []plan.Location) (map[plan.LocationKey]string, error) {
	var no refusal
	err := st.try(ctx, &generation{number: number, table: plan.Table{Locations: among}})
	switch {
	case err == nil:
		return nil, nil
	case !errors.As(err, &no):
		return nil, err
	case len(among) == 1:
		return map[plan.LocationKey]string{among[0].Key(): string(no)}, nil
	}
	out := map[plan.LocationKey]string{}
	for _, half := range [][]plan.Location{among[:len(among)/2], among[len(among)/2:]} {
		some, err := st.culprits(ctx, number, half)
		if err != nil {
			return nil, err
		}
		for k, why := range some {
			out[k] = why
		}
	}
	return out, nil
}

// try writes a generation and has nginx test it.
func (st *stage) try(ctx context.Context, next *generation) error {
	conf, err := Render(st.settings, next.table, next.number)
	if err != nil {
		return err
	}
	if err := save(st.g.Dir, next, conf); err != nil {
		return err
	}
	begin := time.Now()
	out, err := st.g.Process.Test(ctx, filepath.Join(st.g.Dir, genName(next.number), confFile))
	st.took = time.Since(begin)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !strings.Contains(out, "[emerg]"):
		return fmt.Errorf("nginx -t: %w: %s", err, firstProblem(out))
	case err != nil:
		return refusal(firstProblem(out))
	case strings.Contains(out, "conflicting server name"):
		return refusal(firstProblem(out))
	}
	return nil
}
