package docker

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"

	"havn.internal/schemas"
)

// A schemaReader lists the fields of the schema by their path: "files.*.mode".
type schemaReader struct {
	definitions map[string]ast.Expr
	fields      map[string]bool
}

// schemaFields are the paths of all fields of a service, route or volume, each once.
// A field that holds nothing but fields is none itself.
func schemaFields(t *testing.T, definition string) []string {
	t.Helper()
	names, err := fs.Glob(schemas.FS, "v1/*.cue")
	if err != nil {
		t.Fatal(err)
	}
	r := &schemaReader{definitions: map[string]ast.Expr{}, fields: map[string]bool{}}
	for _, name := range names {
		text, err := fs.ReadFile(schemas.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(name, text)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if field, is := d.(*ast.Field); is {
				label, _, _ := ast.LabelName(field.Label)
				r.definitions[label] = field.Value
			}
		}
	}
	r.expr("", r.definitions[definition])
	return slices.Sorted(maps.Keys(r.fields))
}

func (r *schemaReader) expr(path string, x ast.Expr) {
	switch x := x.(type) {
	case *ast.ParenExpr:
		r.expr(path, x.X)
	case *ast.BinaryExpr:
		r.expr(path, x.X)
		r.expr(path, x.Y)
	case *ast.Ident:
		if definition, is := r.definitions[x.Name]; is {
			r.expr(path, definition)
			return
		}
		r.fields[path] = true
	case *ast.StructLit:
		for _, d := range x.Elts {
			switch d := d.(type) {
			case *ast.EmbedDecl:
				r.expr(path, d.Expr)
			case *ast.Field:
				name, _, err := ast.LabelName(d.Label)
				if err != nil {
					name = "*" // a pattern
				}
				r.expr(strings.TrimPrefix(path+"."+name, "."), d.Value)
			}
		}
		if len(x.Elts) == 0 {
			r.fields[path] = true
		}
	default:
		r.fields[path] = true
	}
}
