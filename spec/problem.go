package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Problem is one mistake in a spec directory.
type Problem struct {
	// File is relative to the directory; empty if the problem is of no file.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// What is wrong, and at which field.
	What string `json:"what"`
	// Expected is what was expected, or what to do.
	Expected string `json:"expected,omitempty"`
}

// String is "file:line:col: what, expected what".
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(printable(p.File) + ":")
		if p.Line > 0 {
			fmt.Fprintf(&b, "%d:%d:", p.Line, p.Column)
		}
		b.WriteString(" ")
	}
	b.WriteString(p.What)
	if p.Expected != "" {
		b.WriteString(", expected " + p.Expected)
	}
	return b.String()
}

// printable keeps a file's name from doing more than being read.
func printable(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}

// Problems are all mistakes of a spec directory, sorted by position.
type Problems []Problem

// Error lists all problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sorted returns ps in order of position, each once, with no line without end.
func (ps Problems) sorted() Problems {
	for i := range ps {
		ps[i].What, ps[i].Expected = cut(ps[i].What, longLine), cut(ps[i].Expected, longLine)
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.What, b.What))
	})
	return slices.Compact(ps)
}

// orNil returns ps as an error, nil if there is none.
func (ps Problems) orNil() error {
	if len(ps) == 0 {
		return nil
	}
	return ps.sorted()
}
