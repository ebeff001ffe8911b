package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"havn.internal/spec"
)

// Values says whether values that may be secret are shown: those of the environment, of
// commands, files, labels and headers. Which values that are is decided by
// [spec.Release.Hide] and [spec.Target.Hide].
type Values bool

const (
	HideValues Values = false
	ShowValues Values = true
)

// A Change is one field of a release that differs. It is named as specs write it; a word
// of a command by its index: "command[2]".
type Change struct {
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
	// Hidden: Old and New may be secret and are not shown. They are [absent] if the field
	// is absent on that side.
	Hidden bool `json:"hidden,omitempty"`
	// Text is how a file changes, line by line, where its content may be shown.
	Text []string `json:"text,omitempty"`
	// Lines counts the lines of a file that are new and that are gone, if both contents
	// are known.
	Lines *Lines `json:"lines,omitempty"`
	// from and to are the digests of a file's contents.
	from, to string
}

// Lines counts lines of a file.
type Lines struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
}

// absent stands for the value of a field that is not there, concealed for one that is
// not shown.
const (
	absent    = "(none)"
	concealed = "(hidden)"
)

func (c Change) String() string {
	if !c.Hidden {
		return fmt.Sprintf("%s: %s -> %s", c.Field, c.Old, c.New)
	}
	what := "changed"
	switch {
	case c.Old == absent:
		what = "added"
	case c.New == absent:
		what = "removed"
	}
	if c.Lines != nil && what == "changed" {
		what = fmt.Sprintf("changed (+%d -%d lines)", c.Lines.Added, c.Lines.Removed)
	}
	return c.Field + " " + what
}

// Changes lists the fields in which two releases differ, sorted. If values of one release
// are hidden, so are the other's.
func Changes(from, to spec.Release, v Values) []Change {
	if from.Hidden() || to.Hidden() {
		from, to = from.Hide("hidden"), to.Hide("hidden")
	}
	return compare(fields(from), fields(to), v)
}

// Outline is what a new release says: all fields that have not their default. What its
// image stands for is left out: that may not be known before it is pulled.
func Outline(r spec.Release, v Values) []Change {
	if r.Hidden() {
		v = HideValues
	}
	said, bare := fields(r), fields(spec.Release{Service: spec.Bare(r.Service.Name, r.Service.Port)})
	for name, f := range said {
		if name == "imageID" || name != "replicas" && f.text == bare[name].text {
			delete(said, name)
		}
	}
	said["port"] = field{text: jsonText(r.Service.Port)}
	if r.Service.Port == 0 {
		delete(said, "port")
	}
	return compare(nil, said, v)
}

// LocationChanges is [Changes] for two locations; their servers do not count.
func LocationChanges(from, to Location, v Values) []Change {
	if from.hidden || to.hidden {
		from, to = from.Hide(), to.Hide()
	}
	return compare(locationFields(from), locationFields(to), v)
}

func compare(a, b map[string]field, v Values) []Change {
	names := slices.Collect(maps.Keys(a))
	names = slices.AppendSeq(names, maps.Keys(b))
	slices.Sort(names)
	var out []Change
	for _, name := range slices.Compact(names) {
		from, to := a[name], b[name]
		if from.text == to.text {
			continue
		}
		c := Change{Field: name, Old: cmp.Or(from.text, absent), New: cmp.Or(to.text, absent)}
		if (from.secret || to.secret) && v == HideValues || from.digest || to.digest {
			c.Hidden, c.Old, c.New = true, conceal(c.Old), conceal(c.New)
		}
		if from.digest && to.digest {
			c.from, c.to = strings.Trim(from.text, `"`), strings.Trim(to.text, `"`)
		}
		out = append(out, c)
	}
	return out
}

func conceal(text string) string {
	if text == absent {
		return absent
	}
	return concealed
}

// Difference is Changes in one line, for reasons: in logs, the journal and history. No
// value that may be secret is in it.
func Difference(from, to spec.Release) string {
	var parts []string
	for _, c := range Changes(from, to, HideValues) {
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
