package spec

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
)

// TestSourceFollowsSchema: the Go types that specs are read into have the fields
// of the schema and no others, at every depth.
func TestSourceFollowsSchema(t *testing.T) {
	shapes := schemaShapes()
	for name, v := range map[string]any{"#Service": sourceService{}, "#Route": sourceRoute{}, "#Volume": sourceVolume{}} {
		follow(t, name, shapes[name], reflect.TypeOf(v))
	}
}

func follow(t *testing.T, path string, s *shape, typ reflect.Type) {
	t.Helper()
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	o := s.objectOf()
	if o == nil {
		return
	}
	if len(o.patterns) > 0 {
		if typ.Kind() != reflect.Map {
			t.Errorf("%s: the schema has free names, Go has %s", path, typ)
			return
		}
		follow(t, path+".*", o.patterns[0].value, typ.Elem())
		return
	}
	if typ.Kind() != reflect.Struct {
		t.Errorf("%s: the schema has a struct, Go has %s", path, typ)
		return
	}
	fields := jsonFields(typ)
	for _, name := range o.names {
		if f, ok := fields[name]; ok {
			follow(t, path+"."+name, o.fields[name].shape, f)
		} else {
			t.Errorf("%s.%s is in the schema and not in %s", path, name, typ)
		}
	}
	for name := range fields {
		if !slices.Contains(o.names, name) {
			t.Errorf("%s.%s is in %s and not in the schema", path, name, typ)
		}
	}
}

// jsonFields are the fields of a struct, and those it embeds, by their JSON names.
func jsonFields(typ reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(typ) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			out[name] = f.Type
		}
	}
	return out
}

// TestSchemaIsDocumented: every definition and every field has a comment that is a
// sentence.
func TestSchemaIsDocumented(t *testing.T) {
	for name, content := range schemaFiles() {
		f, err := parser.ParseFile(name, content, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Walk(f, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok {
				return true
			}
			label := labelOf(field)
			if _, pattern := field.Label.(*ast.ListLit); pattern {
				return true
			}
			if doc := docOf(field); !strings.HasSuffix(doc, ".") || len(doc) < 10 {
				t.Errorf("%s: %s has no comment that is a sentence: %q", name, label, doc)
			}
			return true
		}, nil)
	}
}
