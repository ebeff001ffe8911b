package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"havn.internal/reconciler/model"
	"havn.internal/reconciler/snapshot"
	"havn.internal/spec"
)

// A host moves on: from oldSnapshot on a plan says so.
const oldSnapshot = 24 * time.Hour

// planTime bounds a plan against a file. One for a host that can exist takes
// seconds.
const planTime = 2 * time.Minute

// readSnapshot reads a file, "-" for the standard input.
func readSnapshot(path string) (snapshot.Snapshot, error) {
	in := io.Reader(os.Stdin)
	if path != "-" {
		i, err := os.Stat(path)
		switch {
		case err != nil:
			return snapshot.Snapshot{}, fmt.Errorf("--against: %w", err)
		case !i.Mode().IsRegular():
			return snapshot.Snapshot{}, fmt.Errorf("--against: %s is no plain file, expected one that `havn status --snapshot` wrote", path)
		}
		f, err := os.Open(path)
		if err != nil {
			return snapshot.Snapshot{}, fmt.Errorf("--against: %w", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	s, err := snapshot.Read(in)
	if err != nil {
		return s, fmt.Errorf("--against: %s %w", path, err)
	}
	return s, nil
}

// forecastAgainst plans for the host as it was when the snapshot was taken.
func forecastAgainst(ctx context.Context, s snapshot.Snapshot, site spec.Site, prune bool) (model.Road, error) {
	have := s.Observed(site)
	have.PruneAllowed = prune
	done := make(chan model.Road, 1)
	go func() {
		road := model.Forecast(site, have, s.At)
		road.On(s.Machine.Told, s.Machine.Told)
		done <- road
	}()
	timer := time.NewTimer(planTime)
	defer timer.Stop()
	select {
	case road := <-done:
		return road, nil
	case <-timer.C:
		return model.Road{}, fmt.Errorf("--against: no plan after %s; no host is like that snapshot", planTime)
	case <-ctx.Done():
		return model.Road{}, ctx.Err()
	}
}

// snapshotNotes are what a plan against a snapshot rests on.
func snapshotNotes(s snapshot.Snapshot, site spec.Site, now time.Time) []string {
	notes := []string{"the plan is for " + asOf(s, now)}
	switch age := now.Sub(s.At); {
	case age > oldSnapshot:
		notes = append(notes, "warning: the snapshot is old and the host may be another by now; `havn status --snapshot` on the host writes a new one")
	case age < -time.Minute:
		notes = append(notes, "warning: the snapshot is from the future; one of the two clocks is wrong")
	}
	for _, name := range site.ServiceNames() {
		service := site.Services[name]
		if service.Pull != spec.PullNever && s.Lacks(service.Image) {
			notes = append(notes, fmt.Sprintf("service %s: image %s was not on the host; the plan takes it that it can be pulled", name, service.Image))
		}
	}
	return notes
}

func asOf(s snapshot.Snapshot, now time.Time) string {
	return fmt.Sprintf("host %s, site %s, as of %s (%s)", s.Host.Name, s.Site, s.At.Format("2006-01-02 15:04 MST"), past(now.Sub(s.At)))
}

// past says how long something is past, in its largest unit.
func past(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return spec.Count(int(d/time.Minute), "minute") + " ago"
	case d < 48*time.Hour:
		return spec.Count(int(d/time.Hour), "hour") + " ago"
	}
	return spec.Count(int(d/(24*time.Hour)), "day") + " ago"
}

// within: path is dir or lies below it.
func within(dir, path string) bool {
	rest, err := filepath.Rel(dir, path)
	return err == nil && rest != ".." && !strings.HasPrefix(rest, "../")
}

func sortedValues(m map[string]string) []string {
	var out []string
	for _, v := range m {
		out = append(out, v)
	}
	slices.Sort(out)
	return out
}

// errTwoForms: a plan is printed in one form.
var errTwoForms = errors.New("--json and --markdown: want one of them")
