package reconciler

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The budget of sizes: what is larger says two things at once.
const (
	mostFileLines     = 350
	mostFunctionLines = 70
	usualFunction     = 40 // 95 of 100 functions have fewer lines
)

// TestSizes holds every Go file of the module to the budget, tests included.
func TestSizes(t *testing.T) {
	var functions []int
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return err
		}
		if !d.IsDir() && strings.HasSuffix(path, ".go") {
			functions = append(functions, measure(t, path)...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(functions)
	if p95 := functions[len(functions)*95/100]; p95 >= usualFunction {
		t.Errorf("of %d functions one in twenty has %d lines or more; the budget is %d", len(functions), p95, usualFunction)
	}
}

// measure returns the lines of each function of a file.
func measure(t *testing.T, path string) []int {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return nil
	}
	if n := set.File(file.Pos()).LineCount(); n >= mostFileLines {
		t.Errorf("%s has %d lines; the budget is %d", path, n, mostFileLines)
	}
	var out []int
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1
		if n > mostFunctionLines {
			t.Errorf("%s: %s has %d lines; the budget is %d", set.Position(f.Pos()), f.Name.Name, n, mostFunctionLines)
		}
		out = append(out, n)
	}
	return out
}
