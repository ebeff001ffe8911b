package spec

import (
	"encoding/json"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
)

// Evaluate turns a snapshot into a Site, in this process. CUE has no cost limits
// and gives memory back to nobody, so only the child of [Load] calls it.
func Evaluate(s Snapshot) (Site, error) {
	e := newEvaluation(s)
	if e.build() {
		e.topLevel()
		e.entries()
		r := &ruler{site: e.site, source: e.source, declared: e.declared, partial: e.partial, at: e.at}
		r.check()
		e.problems = append(e.problems, r.problems...)
	}
	if err := e.problems.orNil(); err != nil {
		return Site{}, err
	}
	return e.site, nil
}

// An evaluation is one call of Evaluate.
type evaluation struct {
	snapshot Snapshot
	ctx      *cue.Context
	shapes   map[string]*shape
	root     cue.Value
	// partial: a file could not be read, so what is missing may be in it. stubs
	// stand for what is referred to and not there; stubbed: there are any, or such
	// files, so a value may be incomplete for no fault of its own.
	partial, stubbed bool
	stubs            map[string]bool
	// declared are the names of all entries by kind, also of those at fault.
	declared map[string][]string
	// site and source hold the entries without fault.
	site     Site
	source   map[string]sourceService
	problems Problems
}

func newEvaluation(s Snapshot) *evaluation {
	return &evaluation{
		snapshot: s, ctx: cuecontext.New(), shapes: schemaShapes(), declared: map[string][]string{}, stubs: map[string]bool{}, source: map[string]sourceService{},
		site: Site{Revision: s.Revision(), Services: map[string]Service{}, Routes: map[string]Route{}, Volumes: map[string]Volume{}},
	}
}

// schemaShapes reads the embedded schema.
func schemaShapes() map[string]*shape {
	shapes, err := readSchema(schemaFiles())
	if err != nil {
		panic("spec: embedded schema: " + err.Error()) // it is part of the binary
	}
	return shapes
}

var (
	topFields   = []string{"services", "routes", "volumes"}
	definitions = map[string]string{"services": "#Service", "routes": "#Route", "volumes": "#Volume"}
)

// topLevel refuses fields that mean nothing: CUE can't close a package in every
// version.
func (e *evaluation) topLevel() {
	fields, err := e.root.Fields()
	if err != nil {
		e.cueProblems(err, nil)
		return
	}
	for fields.Next() {
		name := fields.Selector().Unquoted()
		if !slices.Contains(topFields, name) && !e.stubs[name] {
			p := e.labelAt(name)
			p.What, p.Expected = pathText([]string{name})+": no such field", "services, routes or volumes, or a name with _ in front for a value of your own"
			if guess := suggest(name, topFields); guess != "" {
				p.Expected = "services, routes or volumes" + guess
			}
			e.problems = append(e.problems, p)
		}
	}
}

// entries checks and reads every service, route and volume by itself, so that
// one mistake does not hide another.
func (e *evaluation) entries() {
	e.each("services", func(name string, text []byte) error {
		var src sourceService
		err := strict(text, &src)
		e.source[name], e.site.Services[name] = src, resolveService(name, src)
		return err
	})
	e.each("routes", func(name string, text []byte) error {
		var src sourceRoute
		err := strict(text, &src)
		e.site.Routes[name] = resolveRoute(name, src)
		return err
	})
	e.each("volumes", func(name string, text []byte) error {
		var src sourceVolume
		err := strict(text, &src)
		e.site.Volumes[name] = Volume{Name: name, Labels: src.Labels}
		return err
	})
}

func strict(text []byte, into any) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func (e *evaluation) each(kind string, read func(name string, text []byte) error) {
	all := e.root.LookupPath(cue.MakePath(cue.Str(kind)))
	if !all.Exists() {
		return
	}
	is, fields := childrenOf(all)
	switch is {
	case cue.StructKind:
	case cue.BottomKind:
		e.cueProblems(all.Err(), []string{kind})
		return
	default:
		p := e.valueAt(kind)
		p.What, p.Expected = kind+": "+datumOf(all).String()+" is "+kindNames[is], kind+" by name"
		e.problems = append(e.problems, p)
		return
	}
	for fields.Next() {
		name := fields.Selector().Unquoted()
		e.declared[kind] = append(e.declared[kind], name)
		e.entry(kind, name, fields.Value(), read)
	}
}

func (e *evaluation) entry(kind, name string, v cue.Value, read func(string, []byte) error) {
	path := []string{kind, name}
	mistakes := e.conform(kind, name, v)
	if err := v.Validate(cue.Concrete(true), cue.All()); err != nil {
		e.cueProblems(err, path, mistakes...)
		return
	}
	if len(mistakes) > 0 {
		return
	}
	text, err := v.MarshalJSON()
	if err != nil {
		e.cueProblems(err, path)
		return
	}
	if err := read(name, text); err != nil {
		p := e.labelAt(path...)
		p.What = pathText(path) + ": " + err.Error()
		e.problems = append(e.problems, p)
	}
}

// conform reports where an entry differs from the schema.
func (e *evaluation) conform(kind, name string, v cue.Value) []mistake {
	path := []string{kind, name}
	c := &conformer{}
	if key := e.shapes["#Name"]; !key.accepts(datum{kind: cue.StringKind, str: name}) {
		c.fail(path, true, "the name is not allowed", key.describe())
	}
	c.check(e.shapes[definitions[kind]], v, path)
	for _, m := range c.mistakes {
		if e.stubbed && m.what == missing {
			continue
		}
		at := e.valueAt
		if m.label {
			at = e.labelAt
		}
		p := at(m.path...)
		p.What, p.Expected = pathText(m.path)+": "+m.what, m.expected
		e.problems = append(e.problems, p)
	}
	return c.mistakes
}
