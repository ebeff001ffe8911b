package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"havn.internal/reconciler/docker"
)

// meant refuses a new site beside one that is there, unless somebody said that a new one
// is meant: who leaves out the flags of before means the site of before.
func (m *machine) meant(ctx context.Context, e *docker.Engine) error {
	known, err := m.remembered()
	if err != nil || known != nil || m.set.Changed("state") || m.set.Changed("site") {
		return err
	}
	sites, err := e.Sites(ctx)
	if err != nil {
		return err
	}
	var others []string
	for _, s := range sites {
		if s.Name == m.site {
			return nil
		}
		others = append(others, fmt.Sprintf("%s (--state %s)", s.Name, orNone(s.State)))
	}
	if len(others) == 0 {
		return nil
	}
	return fmt.Errorf("this would be a new site %s on %s, beside what runs here: %s; say --state for one of these, or --site %s if a new one is meant",
		m.site, m.http, strings.Join(others, ", "), m.site)
}

// noteRecalled says which flags were taken over that are not as they would be otherwise.
func (m *machine) noteRecalled(w io.Writer) {
	var taken []string
	for _, name := range slices.Sorted(maps.Keys(m.taken)) {
		if f := m.set.Lookup(name); f.Value.String() != f.DefValue && name != "site" && name != "subnet" && name != "name" {
			taken = append(taken, fmt.Sprintf("--%s %s", name, m.taken[name]))
		}
	}
	if len(taken) > 0 {
		fmt.Fprintln(w, "as the last run or apply:", strings.Join(taken, " "))
	}
}

// otherwise says which flags are given and not as the last run had them.
func (m *machine) otherwise() (string, error) {
	known, err := m.remembered()
	var other []string
	now := m.told()
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if was, is := known[name]; is && was != now[name] {
			other = append(other, fmt.Sprintf("--%s is %s, not %s", name, orNone(was), orNone(now[name])))
		}
	}
	return strings.Join(other, ", "), err
}
