package spec

import (
	"path"
	"path/filepath"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"
)

// relative turns a file name of the snapshot into the user's.
func relative(filename string) (string, bool) {
	name, err := filepath.Rel(snapshotRoot, filename)
	if err != nil || strings.HasPrefix(name, "..") || isBeside(name) || strings.HasPrefix(name, "cue.mod/pkg/"+moduleDir) {
		return "", false
	}
	return filepath.ToSlash(name), true
}

// problemAt is a Problem at the first position in a file of the user's, and only
// if there is no other in bind.cue; one in the schema helps nobody.
func problemAt(positions []token.Pos) (Problem, bool) {
	var bound Problem
	for _, pos := range positions {
		if !pos.IsValid() {
			continue
		}
		name, inside := relative(pos.Filename())
		p := Problem{File: name, Line: pos.Line(), Column: pos.Column()}
		switch {
		case inside && path.Base(name) != bindFile:
			return p, true
		case inside && bound.File == "":
			bound = p
		}
	}
	return bound, bound.File != ""
}

// labelAt is where a field is named, or else its nearest parent.
func (e *evaluation) labelAt(fields ...string) Problem { return e.at(fields, false) }

// valueAt is where a field gets its value, or else its nearest parent.
func (e *evaluation) valueAt(fields ...string) Problem { return e.at(fields, true) }

func (e *evaluation) at(fields []string, value bool) Problem {
	for n := len(fields); n > 0; n-- {
		v := e.lookUp(fields[:n])
		if !v.Exists() {
			continue
		}
		if p, ok := position(v, value && n == len(fields)); ok {
			return p
		}
	}
	return Problem{}
}

// lookUp follows a path of fields and list indexes.
func (e *evaluation) lookUp(fields []string) cue.Value {
	v := e.root
	for _, f := range fields {
		selector := cue.Str(f)
		if i, is := indexOf(f); is {
			selector = cue.Index(i)
		}
		v = v.LookupPath(cue.MakePath(selector))
	}
	return v
}

// position is where a value stands among those it is made of.
func position(v cue.Value, value bool) (Problem, bool) {
	_, conjuncts := v.Expr()
	var positions []token.Pos
	for _, c := range append([]cue.Value{v}, conjuncts...) {
		pos := c.Pos()
		if field, ok := c.Source().(*ast.Field); ok {
			pos = field.Label.Pos()
			if value {
				pos = field.Value.Pos()
			}
		}
		positions = append(positions, pos)
	}
	return problemAt(positions)
}
