package docker

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"havn.internal/spec"
)

// A trial is one field with one value in one surrounding.
type trial struct {
	kind, field, place string
	row                row
	value              any
	// without and with are the entry before and after the field is set.
	without, with fields
	// plain: the effect that the row names is to be seen.
	plain bool
}

func (tr trial) String() string {
	return fmt.Sprintf("%s: %s: %v (%s)", tr.kind, tr.field, tr.value, tr.place)
}

// TestEveryFieldHasAnEffect: each field of the schema has a row, and its effect is the
// row's. Wherever a value of it is accepted, something is told to Docker, nginx or the
// prober, or another plan is made, that would not be without it.
func TestEveryFieldHasAnEffect(t *testing.T) {
	bind := t.TempDir()
	e := &Engine{Config: Config{Site: "site", State: "/state", Policy: openPolicy(bind)}}
	trials := slices.Concat(serviceTrials(t), routeTrials(t), volumeTrials(t))
	without, refusedWithout := accepted(t, nil, trials, func(tr trial) fields { return tr.without }, bind)
	with, refused := accepted(t, nil, trials, func(tr trial) fields { return tr.with }, bind)
	elsewhere, _ := accepted(t, &spec.Host{Name: "here"}, trials, func(tr trial) fields { return tr.with }, bind)
	count := 0
	for i, tr := range trials {
		name := entryName(i)
		switch problem, is := refused[i]; {
		case refusedWithout[i] != "":
			continue // the surrounding can't have what the field needs
		case is && tr.plain:
			t.Errorf("%s is refused: %s", tr, problem)
			continue
		case is:
			continue
		}
		count++
		before, after := viewOf(t, e, tr, without, name), viewOf(t, e, tr, with, name)
		switch tr.row.in {
		case "on":
			if hasEntry(elsewhere, tr.kind, name) {
				t.Errorf("%s: another host has the entry", tr)
			}
			continue
		case "label", "entry":
			continue
		}
		if reflect.DeepEqual(before, after) {
			t.Errorf("%s is accepted and has no effect", tr)
		}
		if tr.plain {
			show(t, tr, before, after)
		}
	}
	t.Logf("%d fields in %d trials, %d refused", len(serviceRows)+len(volumeRows)+2*len(optionRows)+len(targetRows)+len(routeRows), len(trials), len(trials)-count)
}

// show looks for the effect that the row names.
func show(t *testing.T, tr trial, before, after view) {
	t.Helper()
	in := tr.row.in
	if !strings.Contains(after[in], tr.row.says) || tr.row.says != "" && strings.Count(before[in], tr.row.says) >= strings.Count(after[in], tr.row.says) {
		t.Errorf("%s: %q is not what the field adds to the view %s:\n%s\nbefore:\n%s", tr, tr.row.says, in, after[in], before[in])
	}
	if answers := tr.field == "body.max" || tr.field == "headers.response.*"; answers && !strings.Contains(after["503"], tr.row.says) {
		t.Errorf("%s: the answer 503 goes without %q:\n%s", tr, tr.row.says, after["503"])
	}
}

func viewOf(t *testing.T, e *Engine, tr trial, site spec.Site, name string) view {
	switch tr.kind {
	case "services":
		s := site.Services[name]
		s.Name = "x"
		return serviceView(t, e, site, s)
	case "routes":
		return routeView(t, site, site.Routes[name])
	}
	return view{"plan": asText(site.Volumes[name])}
}

func hasEntry(site spec.Site, kind, name string) bool {
	_, service := site.Services[name]
	_, route := site.Routes[name]
	_, volume := site.Volumes[name]
	return kind == "services" && service || kind == "routes" && route || kind == "volumes" && volume
}

func entryName(i int) string { return "e" + strconv.Itoa(i) }

// accepted evaluates an entry for each trial, and returns the site of those that are
// not refused, and the others with the reason.
func accepted(t *testing.T, as *spec.Host, trials []trial, entry func(trial) fields, bind string) (spec.Site, map[int]string) {
	t.Helper()
	refused := map[int]string{}
	for range 8 {
		site := map[string]fields{"services": {
			"web": fields{"image": "web:1", "port": 80, "replicas": 2, "ports": fields{"admin": 9100}},
			"off": fields{"image": "web:1", "port": 80, "replicas": 0},
		}, "routes": {}, "volumes": {}}
		for i, tr := range trials {
			if refused[i] != "" {
				continue
			}
			text, err := json.Marshal(entry(tr))
			if err != nil {
				t.Fatal(err)
			}
			own := strings.NewReplacer(`"VOLUME"`, `"v`+strconv.Itoa(i)+`"`, "PORT", strconv.Itoa(10000+i), "NAME", entryName(i), "BIND", bind, "HOST", entryName(i)+".example.no")
			site[tr.kind][entryName(i)] = json.RawMessage(own.Replace(string(text)))
			if tr.kind == "services" && strings.Contains(string(text), "VOLUME") {
				site["volumes"]["v"+strconv.Itoa(i)] = fields{}
			}
		}
		text, err := json.Marshal(site)
		if err != nil {
			t.Fatal(err)
		}
		out, err := spec.Evaluate(spec.Snapshot{Files: map[string][]byte{"site.cue": append([]byte("package site\n"), text...)}, As: as})
		if err == nil {
			return out, refused
		}
		note(t, refused, err)
	}
	t.Fatal("entries are refused again and again")
	return spec.Site{}, nil
}

var entryOf = regexp.MustCompile(`^(?:services|routes|volumes)\.[ev](\d+)\b`)

func note(t *testing.T, refused map[int]string, err error) {
	t.Helper()
	problems, is := err.(spec.Problems)
	if !is {
		t.Fatal(err)
	}
	for _, p := range problems {
		m := entryOf.FindStringSubmatch(p.Field)
		if m == nil {
			t.Fatalf("a problem of no entry: %s", p)
		}
		i, _ := strconv.Atoi(m[1])
		refused[i] = p.String()
	}
}

// set returns a copy of an entry with the field at a path, in which * stands for a name.
func set(entry fields, path, name string, value any) fields {
	first, rest, more := strings.Cut(path, ".")
	if first == "*" {
		first = name
	}
	out := maps.Clone(entry)
	if out == nil {
		out = fields{}
	}
	if !more {
		out[first] = value
		return out
	}
	inner, _ := out[first].(fields)
	out[first] = set(inner, rest, name, value)
	return out
}

// merge returns a copy of an entry with the fields of another where it has none.
func merge(entry, other fields) fields {
	out := maps.Clone(entry)
	for key, value := range other {
		mine, both := out[key].(fields)
		if theirs, is := value.(fields); is && both {
			out[key] = merge(mine, theirs)
		} else if _, has := out[key]; !has {
			out[key] = value
		}
	}
	return out
}

// valueAt is what an entry has at a path.
func valueAt(entry fields, path, name string) any {
	var at any = entry
	for part := range strings.SplitSeq(path, ".") {
		here, _ := at.(fields)
		if part == "*" {
			part = name
		}
		at = here[part]
	}
	return at
}
