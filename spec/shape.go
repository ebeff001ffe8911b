package spec

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
)

// A shape is what the schema says of one value. It is read from the schema's own
// text, so that havn and CUE hold specs to the same words; a test compares their
// verdicts.
type shape struct {
	// noun is how a person would call it: "a number of bytes: ...".
	noun string
	// Exactly one of these is set.
	kind   string // "string", "int", "number", "bool", or "_" for anything
	value  string // one JSON value
	bound  *bound
	all    []*shape // each of them
	oneOf  []*shape // any of them
	list   *listShape
	object *objectShape
}

// A bound narrows a string or a number.
type bound struct {
	op    token.Token
	match *regexp.Regexp // =~
	limit float64        // >=, <=, >, <
	not   string         // !=, a JSON value
}

type listShape struct {
	least int
	elem  *shape
}

type objectShape struct {
	// definition is the schema's name for it, "#Service"; empty if it has none.
	definition string
	names      []string
	fields     map[string]fieldShape
	patterns   []patternShape
}

type fieldShape struct {
	*shape
	doc      string
	required bool
}

type patternShape struct{ key, value *shape }

// readSchema returns the shape of each definition of the schema.
func readSchema(files map[string][]byte) (map[string]*shape, error) {
	r := &schemaReader{source: map[string]ast.Expr{}, docs: map[string]string{}, read: map[string]*shape{}}
	for _, name := range sortedKeys(files) {
		f, err := parser.ParseFile(name, files[name], parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			if field, ok := d.(*ast.Field); ok {
				label := labelOf(field)
				r.source[label], r.docs[label] = field.Value, docOf(field)
			}
		}
	}
	for _, name := range sortedKeys(r.source) {
		if _, err := r.definition(name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return r.read, nil
}

type schemaReader struct {
	source map[string]ast.Expr
	docs   map[string]string
	read   map[string]*shape
}

func (r *schemaReader) definition(name string) (*shape, error) {
	if s, ok := r.read[name]; ok {
		return s, nil
	}
	expr, ok := r.source[name]
	if !ok {
		return nil, fmt.Errorf("there is no definition %s", name)
	}
	s, err := r.shape(expr)
	if err != nil {
		return nil, err
	}
	named := *s
	named.noun = noun(r.docs[name])
	if s.object != nil {
		s.object.definition = name
	}
	r.read[name] = &named
	return &named, nil
}

// noun is the first sentence of a definition's comment, fit to follow "expected".
func noun(doc string) string {
	first, _, _ := strings.Cut(doc, ". ")
	first = strings.TrimSuffix(first, ".")
	for _, article := range []string{"A ", "An "} {
		if strings.HasPrefix(first, article) {
			return strings.ToLower(first[:1]) + first[1:]
		}
	}
	return first
}

func docOf(n ast.Node) string {
	var words []string
	for _, group := range ast.Comments(n) {
		if group.Doc {
			words = append(words, strings.Fields(group.Text())...)
		}
	}
	return strings.Join(words, " ")
}

func labelOf(f *ast.Field) string {
	name, _, err := ast.LabelName(f.Label)
	if err != nil {
		return ""
	}
	return name
}

func (r *schemaReader) shape(x ast.Expr) (*shape, error) {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return r.shape(x.X)
	case *ast.Ident:
		if strings.HasPrefix(x.Name, "#") {
			return r.definition(x.Name)
		}
		return &shape{kind: x.Name}, nil
	case *ast.BasicLit:
		text, err := jsonLiteral(x)
		return &shape{value: text}, err
	case *ast.UnaryExpr:
		return boundShape(x)
	case *ast.BinaryExpr:
		return r.binary(x)
	case *ast.ListLit:
		return r.listShape(x)
	case *ast.StructLit:
		o := &objectShape{fields: map[string]fieldShape{}}
		return &shape{object: o}, r.fill(o, x)
	}
	return nil, fmt.Errorf("an expression of type %T is beyond this reader", x)
}

func jsonLiteral(x *ast.BasicLit) (string, error) {
	if x.Kind != token.STRING {
		return x.Value, nil
	}
	s, err := literal.Unquote(x.Value)
	return strconv.Quote(s), err
}

func boundShape(x *ast.UnaryExpr) (*shape, error) {
	lit, ok := x.X.(*ast.BasicLit)
	if !ok {
		return nil, fmt.Errorf("a bound by %T is beyond this reader", x.X)
	}
	text, err := jsonLiteral(lit)
	if err != nil {
		return nil, err
	}
	b := &bound{op: x.Op, not: text}
	switch x.Op {
	case token.MAT:
		var pattern string
		if pattern, err = strconv.Unquote(text); err == nil {
			b.match, err = regexp.Compile(pattern)
		}
	case token.GEQ, token.LEQ, token.GTR, token.LSS:
		b.limit, err = strconv.ParseFloat(text, 64)
	}
	return &shape{bound: b}, err
}

func (r *schemaReader) binary(x *ast.BinaryExpr) (*shape, error) {
	left, err := r.shape(x.X)
	if err != nil {
		return nil, err
	}
	right, err := r.shape(x.Y)
	if err != nil {
		return nil, err
	}
	switch x.Op {
	case token.AND:
		return &shape{all: append(partsOf(left, left.all), right)}, nil
	case token.OR:
		return &shape{oneOf: append(partsOf(left, left.oneOf), right)}, nil
	}
	return nil, fmt.Errorf("the operator %s is beyond this reader", x.Op)
}

// partsOf flattens a & b & c; a definition stays whole, for its name.
func partsOf(s *shape, parts []*shape) []*shape {
	if parts == nil || s.noun != "" {
		return []*shape{s}
	}
	return parts
}

func (r *schemaReader) listShape(x *ast.ListLit) (*shape, error) {
	l := &listShape{}
	for _, elem := range x.Elts {
		if rest, ok := elem.(*ast.Ellipsis); ok {
			elem = rest.Type
		} else {
			l.least++
		}
		var err error
		if l.elem, err = r.shape(elem); err != nil {
			return nil, err
		}
	}
	return &shape{list: l}, nil
}

func (r *schemaReader) fill(o *objectShape, x *ast.StructLit) error {
	for _, d := range x.Elts {
		var err error
		switch d := d.(type) {
		case *ast.EmbedDecl:
			var embedded *shape
			if embedded, err = r.shape(d.Expr); err == nil {
				o.embed(embedded.object)
			}
		case *ast.Field:
			err = r.field(o, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *schemaReader) field(o *objectShape, d *ast.Field) error {
	value, err := r.shape(d.Value)
	if err != nil {
		return err
	}
	if key, ok := d.Label.(*ast.ListLit); ok {
		keyShape, err := r.shape(key.Elts[0])
		o.patterns = append(o.patterns, patternShape{keyShape, value})
		return err
	}
	o.add(labelOf(d), fieldShape{value, docOf(d), d.Constraint == token.NOT})
	return nil
}

func (o *objectShape) add(name string, f fieldShape) {
	if _, twice := o.fields[name]; !twice {
		o.names = append(o.names, name)
	}
	o.fields[name] = f
}

func (o *objectShape) embed(other *objectShape) {
	for _, name := range other.names {
		o.add(name, other.fields[name])
	}
	o.patterns = append(o.patterns, other.patterns...)
}
