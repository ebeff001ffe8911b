package spec

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
)

// tooMuch are messages of what a file can do without. CUE reads nothing of a package
// with such a file.
var tooMuch = regexp.MustCompile(`^(imported and not used: |unreferenced alias or let clause |import failed: .*cannot find package )`)

// mend takes the import or `let` that err is about out of its file, so that the rest
// of the file is checked too; false if it can't. What is used of a package that can't
// be found gets a stub.
func (e *evaluation) mend(overlay map[string]load.Source, err errors.Error) bool {
	text := message(err)
	if !tooMuch.MatchString(text) {
		return false
	}
	lost := strings.Contains(text, "cannot find package")
	for _, pos := range errors.Positions(err) {
		name, inside := relative(pos.Filename())
		if _, there := overlay[pos.Filename()]; !inside || !there {
			continue
		}
		content, mended := e.mended[name]
		if !mended {
			content = slices.Clone(e.snapshot.Files[name])
		}
		f, parseErr := parser.ParseFile(name, content)
		if parseErr != nil || !e.takeOut(f, content, pos, lost) {
			continue
		}
		e.mended[name] = content
		overlay[pos.Filename()] = load.FromBytes(content)
		return true
	}
	return false
}

// takeOut blanks what stands at pos in a file; everything else stays where it is. An
// import that is lost is still referred to.
func (e *evaluation) takeOut(f *ast.File, text []byte, pos token.Pos, lost bool) bool {
	var found ast.Node
	at := func(n ast.Node) bool { return n.Pos().Offset() <= pos.Offset() && pos.Offset() < n.End().Offset() }
	ast.Walk(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportDecl:
			for _, spec := range n.Specs {
				if at(spec) {
					if lost {
						e.stubImport(spec)
					}
					if found = spec; !n.Lparen.IsValid() {
						found = n
					}
				}
			}
		case *ast.LetClause:
			if at(n) {
				found = n
			}
		}
		return found == nil
	}, nil)
	if found == nil {
		return false
	}
	blank := text[found.Pos().Offset():found.End().Offset()]
	for i, c := range blank {
		if c != '\n' {
			blank[i] = ' '
		}
	}
	return true
}

// stubImport gives a stub to what a package is called in a file.
func (e *evaluation) stubImport(spec *ast.ImportSpec) {
	if spec.Name != nil {
		e.stubs[spec.Name.Name] = true
		return
	}
	whole, err := literal.Unquote(spec.Path.Value)
	if err != nil {
		return
	}
	whole, named, explicit := strings.Cut(whole, ":")
	if !explicit {
		bare, _, _ := strings.Cut(whole, "@")
		named = path.Base(bare)
	}
	e.stubs[named] = true
}
