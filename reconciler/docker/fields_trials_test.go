package docker

import (
	"reflect"
	"strings"
	"testing"
)

// rowsOf finds the row of each field of a definition; a field without one is an error,
// and so is a row without a field.
func rowsOf(t *testing.T, definition string, rows map[string]row) map[string]row {
	t.Helper()
	out := map[string]row{}
	for _, field := range schemaFields(t, definition) {
		r, has := rows[field]
		if !has {
			t.Errorf("%s has a field %s that no row shows the effect of", definition, field)
			continue
		}
		out[field] = r
	}
	for field := range rows {
		if _, has := out[field]; !has {
			t.Errorf("there is a row for %s, and %s has no such field", field, definition)
		}
	}
	return out
}

// trials are those of one field in one surrounding.
func trials(kind, field, place string, r row, entry fields) []trial {
	var out []trial
	// The name that stands for * is a mount's path, a header or a label.
	name := "x"
	if strings.HasPrefix(field, "files.") || strings.HasPrefix(field, "volumes.") || strings.HasPrefix(field, "binds.") || strings.Contains(field, "tmpfs") {
		name = "/x"
	}
	for i, value := range r.values {
		without := merge(entry, r.with)
		if reflect.DeepEqual(valueAt(without, field, name), value) {
			continue
		}
		out = append(out, trial{
			kind: kind, field: field, place: place, row: r, value: value, without: without, plain: i == 0 && place == r.plain,
			with: set(without, field, name, value),
		})
	}
	return out
}

func serviceTrials(t *testing.T) []trial {
	var out []trial
	for field, r := range rowsOf(t, "#Service", serviceRows) {
		if r.plain == "" {
			r.plain = "plain"
		}
		for place, entry := range serviceSurroundings {
			out = append(out, trials("services", field, place, r, entry)...)
		}
	}
	return out
}

func volumeTrials(t *testing.T) []trial {
	var out []trial
	for field, r := range rowsOf(t, "#Volume", volumeRows) {
		out = append(out, trials("volumes", field, "", r, fields{})...)
	}
	return out
}

// routeTrials are those of a route's own fields, of a path's, and of the options of both.
func routeTrials(t *testing.T) []trial {
	rows := map[string]row{}
	for field, r := range routeRows {
		rows[field] = r
	}
	for field, r := range targetRows {
		rows["paths.*."+field] = r
	}
	for field, r := range optionRows {
		rows[field], rows["paths.*."+field] = r, r
	}
	var out []trial
	for field, r := range rowsOf(t, "#Route", rows) {
		if r.plain = "a service"; strings.Contains(field, "redirect") {
			r.plain = "a redirect"
		}
		for place, s := range targetSurroundings {
			entry := fields{"hosts": []any{"HOST"}, "paths": fields{s.path: s.target}}
			if short, ofPath := strings.CutPrefix(field, "paths.*."); ofPath {
				for _, tr := range trials("routes", short, place, r, s.target) {
					wrap := func(target fields) fields { return set(entry, "paths", "", fields{s.path: target}) }
					tr.with, tr.without = wrap(tr.with), wrap(tr.without)
					out = append(out, tr)
				}
				continue
			}
			out = append(out, trials("routes", field, place, r, entry)...)
		}
	}
	return out
}
