package spec

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cuelang.org/go/cue"

	"havn.internal/schemas"
)

// An entry is one service, route or volume, on a line of its own.
type entry struct {
	kind, body string
	// typo: the entry has a field that the schema does not know.
	typo bool
}

// samples are values for the fields that have to be there.
var samples = map[string]string{
	"image": `"i"`, "content": `"c"`, "port": "80", "volume": `"v"`, "path": `"/x"`, "command": `["c"]`,
	"hosts": `["x.no"]`, "paths": `{"/": {service: "s"}}`, "to": `"/y"`,
}

// candidates are tried for every field.
var candidates = []string{
	"-1", "0", "1", "0.5", "1.0", "99", "404", "600", "65535", "65536", "1000", "10001", "1125899906842625", "true", "false", "null",
	`""`, `"a"`, `"A"`, `"_"`, `"/x"`, `"x/"`, `"1s"`, `"1"`, `"1.5h"`, `"8m"`, `"8q"`, `"tcp"`, `"rolling"`, `"always"`, `"rollback"`, `"SIGTERM"`,
	`"0444"`, `"999"`, `"ALL"`, `"127.0.0.1:80"`, `"200-399"`, `"*.x.no"`, `"a$"`, `"https://x.no/"`, `'ab'`, `"ø"`,
	`[]`, `[1]`, `["a"]`, `["A", "x y"]`, `{}`, `{a: 1}`, `{a: "b"}`, `{"/x": "y"}`, `{A: {}}`,
	`*"a" | "b"`, `*1 | int`, `"a" & string`,
}

// keys are tried for every struct of free names.
var keys = []string{"a", "A_1", "/x", "x y", "X-Y", "=/x", "-", "", "1"}

// A variation makes entries out of the schema: at every depth every field with
// every candidate, every kind of key, and a typo.
type variation struct {
	t       *testing.T
	kind    string
	entries []entry
}

func (v *variation) add(body string, typo bool) {
	v.entries = append(v.entries, entry{v.kind, body, typo})
}

// object varies a struct that stands in an entry where wrap puts it.
func (v *variation) object(o *objectShape, wrap func(string) string) {
	without := func(skip string) string {
		var b strings.Builder
		for _, name := range o.names {
			if f := o.fields[name]; f.required && name != skip {
				if samples[name] == "" {
					v.t.Fatalf("there is no sample for the required field %s", name)
				}
				fmt.Fprintf(&b, "%s: %s, ", name, samples[name])
			}
		}
		return b.String()
	}
	v.add(wrap("{"+without("")+"}"), false)
	if len(o.names) > 0 || len(o.patterns) == 0 {
		v.add(wrap("{"+without("")+"zzTypo: 1}"), true)
	}
	for _, name := range o.names {
		v.add(wrap("{"+without(name)+"}"), false)
		v.field(o.fields[name].shape, func(value string) string { return wrap("{" + without(name) + name + ": " + value + "}") })
	}
	for _, p := range o.patterns {
		good := ""
		for _, key := range keys {
			quoted := strconv.Quote(key)
			if p.key.accepts(datum{kind: cue.StringKind, str: key}) {
				good = quoted
			}
			v.add(wrap("{"+without("")+quoted+": "+sampleOf(p.value)+"}"), false)
		}
		v.field(p.value, func(value string) string { return wrap("{" + without("") + good + ": " + value + "}") })
	}
}

func sampleOf(s *shape) string {
	for _, c := range candidates {
		if o := s.objectOf(); o == nil && strings.HasPrefix(c, `"`) {
			text, _ := strconv.Unquote(c)
			if s.accepts(datum{kind: cue.StringKind, str: text}) {
				return c
			}
		}
	}
	if s.hasKind(cue.IntKind) {
		return "99"
	}
	return `{content: "c"}`
}

func (v *variation) field(s *shape, wrap func(string) string) {
	for _, c := range candidates {
		v.add(wrap(c), false)
	}
	if o := s.objectOf(); o != nil {
		v.object(o, wrap)
	}
	if l := s.listOf(); l != nil {
		for _, c := range candidates {
			v.add(wrap("["+c+"]"), false)
		}
	}
}

func allEntries(t *testing.T) []entry {
	shapes := schemaShapes()
	var all []entry
	for _, kind := range sortedKeys(definitions) {
		v := &variation{t: t, kind: kind}
		v.object(shapes[definitions[kind]].object, func(body string) string { return body })
		all = append(all, v.entries...)
	}
	return all
}

// faulty returns the numbers of the entries that the stock `cue vet -c` complains of.
func faulty(output string) map[int]bool {
	out := map[int]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:services|routes|volumes)\.e(\d+)[.:]`).FindAllStringSubmatch(output, -1) {
		n, _ := strconv.Atoi(m[1])
		out[n] = true
	}
	return out
}

// layOut writes entries, each on a line of its own.
func layOut(entries []entry, leave map[int]bool) string {
	var text strings.Builder
	text.WriteString("package site\n")
	for i, e := range entries {
		if leave[i] {
			text.WriteString("\n")
			continue
		}
		fmt.Fprintf(&text, "%s: e%d: %s\n", e.kind, i, e.body)
	}
	return text.String()
}

// refusals are the entries that cue vet refuses. It tells of missing values only
// where there is nothing worse, so what it refused is taken out until the rest
// passes.
func refusals(t *testing.T, entries []entry) map[int]bool {
	all := map[int]bool{}
	for {
		dir := repository(t, map[string]string{"all.cue": layOut(entries, all)})
		output, err := cueCommand(t, dir, "vet", "-c", "--all-errors", "./...")
		if err == nil {
			return all
		}
		more := faulty(output)
		if len(more) == 0 {
			t.Fatalf("cue vet: %v\n%s", err, output)
		}
		maps.Copy(all, more)
	}
}

// TestStockCueAgrees holds havn's reading of the schema against the stock cue's:
// of some thousands of entries, with every mistake there can be in one field,
// both refuse the same. Each refusal stands on the line of its entry.
func TestStockCueAgrees(t *testing.T) {
	entries := allEntries(t)
	theirs := refusals(t, entries)
	text := layOut(entries, nil)
	ours := map[int]Problem{}
	snapshot := Snapshot{Files: map[string][]byte{"all.cue": []byte(text), bindFile: []byte(schemas.Bind("site"))}}
	for _, p := range evaluated(snapshot).problems {
		ours[p.Line-2] = p
		if number := "e" + strconv.Itoa(p.Line-2); !strings.HasSuffix(p.Field, "."+number) && !strings.Contains(p.Field, "."+number+".") {
			t.Errorf("the problem stands on the line of another entry: %s", p)
		}
	}
	wrong := 0
	for i, e := range entries {
		p, mine := ours[i]
		if mine != theirs[i] && wrong < 20 {
			wrong++
			t.Errorf("%s: x: %s\n\thavn refuses it: %v (%s), cue vet refuses it: %v", e.kind, e.body, mine, p, theirs[i])
		}
		if e.typo && !mine {
			t.Errorf("a typo passes: %s: x: %s", e.kind, e.body)
		}
	}
	t.Logf("%d entries, of which cue vet refuses %d", len(entries), len(theirs))
	if typos := len(slices.DeleteFunc(entries, func(e entry) bool { return !e.typo })); typos < 20 {
		t.Errorf("%d typos, expected one for each struct of the schema", typos)
	}
}

// evaluated is an evaluation without the rules between entries.
func evaluated(s Snapshot) *evaluation {
	e := newEvaluation(s)
	if e.build() {
		e.topLevel()
		e.entries()
	}
	return e
}

// TestTopLevel: a field that means nothing is refused by both, and values of the
// user's own are not.
func TestTopLevel(t *testing.T) {
	files := map[string]string{"a.cue": "package site\n\n_own: 1\n#Own: {a: 1}\nlet x = 2\nservices: web: {image: \"i\", env: {A: _own, B: #Own.a, C: x}}\n"}
	dir := repository(t, files)
	if output, err := cueCommand(t, dir, "vet", "-c", "./..."); err != nil {
		t.Errorf("cue vet: %v, %s", err, output)
	}
	if _, err := Load(t.Context(), dir); err != nil {
		t.Errorf("havn: %v", err)
	}
	write(t, dir, map[string]string{"b.cue": "package site\n\nservics: web: image: \"i\"\n"})
	output, err := cueCommand(t, dir, "vet", "-c", "./...")
	if err == nil || !strings.Contains(output, "servics: field not allowed") {
		t.Errorf("cue vet: %v, %s", err, output)
	}
	if _, err := Load(t.Context(), dir); err == nil || !strings.HasPrefix(err.Error(), "b.cue:3:1: servics: no such field") {
		t.Errorf("havn: %v", err)
	}
}
