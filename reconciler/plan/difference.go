package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"havn.internal/spec"
)

// A Change is one field of a release that differs.
type Change struct {
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

func (c Change) String() string { return fmt.Sprintf("%s: %s -> %s", c.Field, c.Old, c.New) }

// Changes lists the fields in which two releases differ, sorted, each with its
// old and new value. A field that is absent on one side reads "(none)". If values
// of one release are hidden, so are the other's: what changed is told, not to what.
func Changes(from, to spec.Release) []Change {
	if from.Hidden() || to.Hidden() {
		from, to = from.Hide("hidden"), to.Hide("hidden")
	}
	return compare(fields(from), fields(to))
}

// Outline is what to know first of a release that is new.
func Outline(r spec.Release) []Change {
	all := compare(nil, fields(r))
	return slices.DeleteFunc(all, func(c Change) bool { return c.Field != "image" && c.Field != "replicas" })
}

// LocationChanges is [Changes] for two locations; their servers do not count.
func LocationChanges(from, to Location) []Change {
	if from.hidden || to.hidden {
		from, to = from.Hide(), to.Hide()
	}
	return compare(locationFields(from), locationFields(to))
}

func compare(a, b map[string]string) []Change {
	names := map[string]bool{}
	for k := range a {
		names[k] = true
	}
	for k := range b {
		names[k] = true
	}
	var out []Change
	for _, k := range slices.Sorted(maps.Keys(names)) {
		if a[k] != b[k] {
			out = append(out, Change{k, orDefault(a[k], "(none)"), orDefault(b[k], "(none)")})
		}
	}
	return out
}

// Difference is Changes in one line.
func Difference(from, to spec.Release) string {
	var parts []string
	for _, c := range Changes(from, to) {
		parts = append(parts, c.String())
	}
	if len(parts) == 0 {
		return "the release is another"
	}
	const shown = 4
	if n := len(parts); n > shown {
		parts = append(parts[:shown], fmt.Sprintf("and %d more", n-shown))
	}
	return strings.Join(parts, ", ")
}

// fields flattens a release to dotted names and printed values.
func fields(r spec.Release) map[string]string {
	text, err := json.Marshal(r.Stored())
	if err != nil {
		panic("plan: difference: " + err.Error()) // only strings, numbers and maps of them
	}
	var tree struct {
		Service map[string]any `json:"service"`
		ImageID string         `json:"imageID"`
	}
	if err := json.Unmarshal(text, &tree); err != nil {
		panic("plan: difference: " + err.Error())
	}
	out := map[string]string{"imageID": shortID(tree.ImageID)}
	flattenInto(out, "", tree.Service)
	// It is a reason and no field: the ones that it follows from are there.
	delete(out, "rollout.forced")
	return out
}

func locationFields(l Location) map[string]string {
	l.Servers, l.Spares = nil, nil
	text, err := json.Marshal(l)
	if err != nil {
		panic("plan: difference: " + err.Error()) // only strings, numbers and maps of them
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		panic("plan: difference: " + err.Error())
	}
	out := map[string]string{}
	flattenInto(out, "", tree)
	return out
}

func shortID(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(12, len(id))]
}

func flattenInto(out map[string]string, prefix string, tree map[string]any) {
	for k, v := range tree {
		name := strings.TrimPrefix(prefix+"."+k, ".")
		if sub, ok := v.(map[string]any); ok {
			flattenInto(out, name, sub)
			continue
		}
		text, err := json.Marshal(v)
		if err != nil {
			panic("plan: difference: " + err.Error())
		}
		out[name] = string(text)
	}
}
