package spec

import (
	"bytes"
	"encoding/json"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

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
		e.leaveOutElsewhere()
		r := &ruler{
			site: e.site, source: e.source, routeSource: e.routeSource, declared: e.declared, placed: e.placed, partial: e.partial,
			policy: e.snapshot.Policy, at: e.at,
		}
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
	// mended are files of which something has been taken out; see mend.
	mended map[string][]byte
	// declared are the names of all entries by kind, also of those at fault.
	declared map[string][]string
	placed   placed
	// site and source hold the entries without fault.
	site        Site
	source      map[string]sourceService
	routeSource map[string]sourceRoute
	problems    Problems
}

func newEvaluation(s Snapshot) *evaluation {
	return &evaluation{
		snapshot: s, ctx: cuecontext.New(), shapes: schemaShapes(), declared: map[string][]string{}, placed: newPlaced(), stubs: map[string]bool{}, mended: map[string][]byte{}, source: map[string]sourceService{}, routeSource: map[string]sourceRoute{},
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
			p.Field, p.What, p.Expected = pathText([]string{name}), noField, listed(topFields, "or")
			switch guess, habit := suggest(name, topFields), habitOf("", name); {
			case habit != "":
				p.Expected, p.Do = "", habit
			case guess != "":
				p.Expected, p.Do = "", guess
			case e.isOf("#Service", name):
				p.Expected, p.Do = "", "it is a field of a service; put all fields of one between { and }: services: NAME: {image: \"web:1\"}"
			case e.isOf("#Route", name):
				p.Expected, p.Do = "", "it is a field of a route; put all fields of one between { and }: routes: NAME: {hosts: [\"example.no\"]}"
			case isIdentifier(name):
				p.Do = "write _" + name + " if it is a value of your own"
			}
			e.problems = append(e.problems, p)
		}
	}
}

// isOf: the definition has a field of the name.
func (e *evaluation) isOf(definition, name string) bool {
	_, is := e.shapes[definition].object.fields[name]
	return is
}

// A reader makes an entry's JSON part of the site; it returns the act of adding it.
type reader func(name string, text []byte) (add func(), err error)

// entries checks and reads every service, route and volume by itself, so that
// one mistake does not hide another.
func (e *evaluation) entries() {
	e.each("services", func(name string, text []byte) (func(), error) {
		var src sourceService
		err := strict(text, &src)
		s := resolveService(name, src)
		return func() { e.source[name], e.site.Services[name] = src, s }, err
	})
	e.each("routes", func(name string, text []byte) (func(), error) {
		var src sourceRoute
		err := strict(text, &src)
		r := resolveRoute(name, src)
		return func() { e.routeSource[name], e.site.Routes[name] = src, r }, err
	})
	e.each("volumes", func(name string, text []byte) (func(), error) {
		var src sourceVolume
		err := strict(text, &src)
		return func() { e.site.Volumes[name] = Volume{Name: name, Labels: src.Labels} }, err
	})
}

func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func (e *evaluation) each(kind string, read reader) {
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
		p.Field, p.Expected, p.Got = kind, "a struct of "+kind+" by name", kindNames[is]+" "+datumOf(all).String()
		e.problems = append(e.problems, p)
		return
	}
	var work []*entryWork
	for fields.Next() {
		name := fields.Selector().Unquoted()
		e.declared[kind] = append(e.declared[kind], name)
		work = append(work, &entryWork{evaluation: *e, kind: kind, name: name, value: fields.Value()})
	}
	do(work, read)
	for _, w := range work {
		e.placed.note(w)
		e.problems = append(e.problems, w.found...)
		if w.add != nil {
			w.add()
		}
	}
}

// do works on all entries, on each processor one.
func do(work []*entryWork, read reader) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(work)); i = next.Add(1) - 1 {
				work[i].run(read)
			}
		})
	}
	workers.Wait()
}

// An entryWork is the work on one entry: an evaluation that only looks, and keeps
// its problems to itself.
type entryWork struct {
	evaluation
	kind, name string
	value      cue.Value
	found      Problems
	add        func()
	// on says which hosts the entry is for; elsewhere: not for this one.
	on        *sourceOn
	elsewhere bool
}

func (w *entryWork) run(read reader) {
	w.problems = nil
	defer func() { w.found = w.problems }()
	if w.place(); w.elsewhere {
		return
	}
	v, path := w.value, []string{w.kind, w.name}
	mistakes := w.conform(w.kind, w.name, v)
	if len(mistakes) == 0 && v.Err() == nil {
		if text, err := v.MarshalJSON(); err == nil {
			w.read(read, text)
			return
		}
	}
	if err := v.Validate(cue.Concrete(true), cue.All()); err != nil {
		w.cueProblems(err, path, mistakes...)
	}
}

func (w *entryWork) read(read reader, text []byte) {
	add, err := read(w.name, text)
	if err == nil {
		w.add = add
		return
	}
	path := []string{w.kind, w.name}
	p := w.labelAt(path...)
	p.Field, p.What = pathText(path), err.Error()
	w.problems = append(w.problems, p)
}

// conform reports where an entry differs from the schema.
func (e *evaluation) conform(kind, name string, v cue.Value) []mistake {
	path := []string{kind, name}
	c := &conformer{}
	if key := e.shapes["#Name"]; !key.accepts(datum{kind: cue.StringKind, str: name}) {
		c.name(path, Problem{Expected: key.describe(), Got: strconv.Quote(name)})
	}
	badName := len(c.mistakes) > 0
	c.check(e.shapes[definitions[kind]], v, path)
	if badName {
		// The field `name` repeats it.
		c.mistakes = slices.DeleteFunc(c.mistakes, func(m mistake) bool { return slices.Equal(m.path, sub(path, "name")) })
	}
	e.tell(c.mistakes)
	return c.mistakes
}

// tell makes problems of mistakes, but for those that stubs may be to blame for.
func (e *evaluation) tell(mistakes []mistake) {
	for _, m := range mistakes {
		if e.stubbed && m.What == missing {
			continue
		}
		at := e.valueAt
		if m.label {
			at = e.labelAt
		}
		p, place := m.Problem, at(m.path...)
		p.File, p.Line, p.Column, p.Field = place.File, place.Line, place.Column, pathText(m.path)
		e.problems = append(e.problems, p)
	}
}
