package spec

import (
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/token"
)

// A mistake is where a value differs from its shape. Its problem has no place yet.
type mistake struct {
	Problem
	path []string
	// label: the mistake is the field itself, not its value.
	label bool
}

// A conformer compares one value with its shape and collects all mistakes.
type conformer struct{ mistakes []mistake }

// name reports a field that should not be there, or is not there and should be.
func (c *conformer) name(path []string, p Problem) {
	c.mistakes = append(c.mistakes, mistake{p, slices.Clone(path), true})
}

// value reports a field with a value that is not of the shape.
func (c *conformer) value(path []string, s *shape, got, do string) {
	c.mistakes = append(c.mistakes, mistake{Problem{Expected: s.describe(), Got: got, Do: do}, slices.Clone(path), false})
}

// check compares v with s. A value that CUE itself has something to say of is
// left to it.
func (c *conformer) check(s *shape, v cue.Value, path []string) {
	if d, ok := v.Default(); ok {
		v = d
	}
	kind, children := childrenOf(v)
	switch {
	case kind == cue.BottomKind:
		return
	case kind == cue.StructKind && s.objectOf() != nil:
		c.object(s.objectOf(), v, children, path)
		return
	case kind == cue.ListKind && s.listOf() != nil:
		c.list(s, children, path)
		return
	case kind != cue.StructKind && kind != cue.ListKind && (!v.IsConcrete() || s.accepts(datumOf(v))):
		return
	}
	c.wrong(s, v, path)
}

// childrenOf is the kind of a value and, of a struct or list, what is in it. One
// with a fault somewhere inside is still what it is.
func childrenOf(v cue.Value) (cue.Kind, *cue.Iterator) {
	switch kind := v.IncompleteKind(); kind {
	case cue.ListKind:
		elems, _ := v.List()
		return kind, &elems
	case cue.StructKind, cue.BottomKind:
		fields, err := v.Fields()
		if err != nil || kind == cue.BottomKind && !hasFields(v) {
			return cue.BottomKind, nil
		}
		if v.LookupPath(cue.MakePath(cue.Index(0))).Exists() {
			kind = cue.ListKind
		} else {
			kind = cue.StructKind
		}
		return kind, fields
	default:
		return kind, nil
	}
}

func hasFields(v cue.Value) bool {
	fields, err := v.Fields()
	return err == nil && fields.Next()
}

// wrong reports a value that is not of the shape.
func (c *conformer) wrong(s *shape, v cue.Value, path []string) {
	d := datumOf(v)
	got := d.String()
	if kind := kindNames[d.kind]; !s.hasKind(d.kind) && kind != "" {
		got = kind + " " + got
	}
	c.value(path, s, got, c.remedy(path, s, v, d))
}

// kindNames are the kinds that have to be named where another one is expected.
var kindNames = map[cue.Kind]string{
	cue.StringKind: "the string", cue.IntKind: "the number", cue.FloatKind: "the number", cue.BoolKind: "the boolean",
	cue.BytesKind: "the bytes", cue.StructKind: "the struct", cue.ListKind: "the list",
}

func (c *conformer) list(s *shape, elems *cue.Iterator, path []string) {
	list, n := s.listOf(), 0
	for ; elems.Next(); n++ {
		c.check(list.elem, elems.Value(), append(path, index(n)))
	}
	if n < list.least {
		c.value(path, s, "an empty list", "")
	}
}

func (c *conformer) object(o *objectShape, v cue.Value, fields *cue.Iterator, path []string) {
	seen, before := 0, len(c.mistakes)
	for fields.Next() {
		name := fields.Selector().Unquoted()
		if f, ok := o.fields[name]; ok {
			if f.required {
				seen++
			}
			c.check(f.shape, fields.Value(), append(path, name))
		} else {
			c.free(o, name, fields.Value(), path)
		}
	}
	if seen == o.required() {
		return
	}
	for _, name := range o.names {
		if f := o.fields[name]; f.required && !v.LookupPath(cue.MakePath(cue.Str(name))).Exists() && !c.meant(name, before) {
			c.name(append(path, name), Problem{What: missing, Expected: f.describe()})
		}
	}
}

// meant: a mistake since before is most likely that field's name, mistyped.
func (c *conformer) meant(name string, before int) bool {
	return slices.ContainsFunc(c.mistakes[before:], func(m mistake) bool { return strings.HasPrefix(m.Do, didYouMean(name)) })
}

func (o *objectShape) required() int {
	n := 0
	for _, f := range o.fields {
		if f.required {
			n++
		}
	}
	return n
}

// free checks a field that the shape does not name.
func (c *conformer) free(o *objectShape, name string, v cue.Value, path []string) {
	path = append(path, name)
	for _, p := range o.patterns {
		if p.key.accepts(datum{kind: cue.StringKind, str: name}) {
			c.check(p.value, v, path)
			return
		}
	}
	if len(o.patterns) > 0 {
		key := o.patterns[0].key
		do := habitOfName(placeOf(path[:len(path)-1]), name, v)
		if do == "" {
			do = key.respelled(name)
		}
		c.name(path, Problem{Expected: key.describe(), Got: strconv.Quote(name), Do: do})
		return
	}
	c.name(path, o.unknown(placeOf(path[:len(path)-1]), name))
}

// manyNames is how many names are too many to be read out.
const manyNames = 8

// unknown is what is wrong with a field that the struct does not have.
func (o *objectShape) unknown(place, name string) Problem {
	known := slices.DeleteFunc(slices.Clone(o.names), func(n string) bool { return n == "name" && strings.Contains(o.fields[n].doc, "label") })
	p := Problem{What: noField, Do: habitOf(place, name)}
	if p.Do != "" {
		return p
	}
	switch guess := suggest(name, known); {
	case guess != "":
		p.Do = guess
	case len(known) > manyNames:
		p.Do = "see " + o.definition + " in schemas/v1 for the fields"
	default:
		p.Expected = listed(known, "or")
	}
	return p
}

// objectOf is the struct among what s allows.
func (s *shape) objectOf() *objectShape {
	if s.object != nil {
		return s.object
	}
	for _, part := range append(s.oneOf, s.all...) {
		if o := part.objectOf(); o != nil {
			return o
		}
	}
	return nil
}

func (s *shape) listOf() *listShape {
	if s.list != nil {
		return s.list
	}
	for _, part := range append(s.oneOf, s.all...) {
		if l := part.listOf(); l != nil {
			return l
		}
	}
	return nil
}

// accepts: a scalar is of the shape.
func (s *shape) accepts(d datum) bool {
	switch {
	case s.kind != "":
		return s.kind == "_" || s.hasKind(d.kind)
	case s.value != "":
		return s.value == d.literal()
	case s.bound != nil:
		return s.bound.accepts(d)
	case s.all != nil:
		return !slices.ContainsFunc(s.all, func(part *shape) bool { return !part.accepts(d) })
	}
	return slices.ContainsFunc(s.oneOf, func(part *shape) bool { return part.accepts(d) })
}

func (b *bound) accepts(d datum) bool {
	number := d.kind == cue.IntKind || d.kind == cue.FloatKind
	switch b.op {
	case token.MAT:
		return d.kind == cue.StringKind && b.match.MatchString(d.str)
	case token.NEQ:
		return b.not != d.literal()
	case token.GEQ:
		return number && d.number >= b.limit
	case token.LEQ:
		return number && d.number <= b.limit
	case token.GTR:
		return number && d.number > b.limit
	}
	return number && d.number < b.limit
}

// hasKind: some value of the kind is of the shape, as far as kinds go.
func (s *shape) hasKind(k cue.Kind) bool {
	switch {
	case s.kind == "string":
		return k == cue.StringKind
	case s.kind == "int":
		return k == cue.IntKind
	case s.kind == "number":
		return k == cue.IntKind || k == cue.FloatKind
	case s.kind == "bool":
		return k == cue.BoolKind
	case s.value != "":
		return strings.HasPrefix(s.value, `"`) == (k == cue.StringKind)
	case s.bound != nil:
		if strings.HasPrefix(s.bound.not, `"`) {
			return k == cue.StringKind
		}
		return k == cue.IntKind || k == cue.FloatKind
	case s.all != nil:
		return s.all[0].hasKind(k)
	}
	return slices.ContainsFunc(s.oneOf, func(part *shape) bool { return part.hasKind(k) })
}
