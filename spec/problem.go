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
	// Field is the path of the field as CUE writes it, empty if it is of none.
	Field string `json:"field,omitempty"`
	// What is wrong. Of a value that is not of its type, Expected and Got say so.
	What string `json:"what,omitempty"`
	// Expected is what is right here, such as "a port number from 1 to 65535".
	Expected string `json:"expected,omitempty"`
	// Got is what stands here instead.
	Got string `json:"got,omitempty"`
	// Do is what to do or to write: "remove it", `write "30s"`, `did you mean "image"?`.
	Do string `json:"do,omitempty"`
}

// String is "file:line:col: field: what; expected what; got what; what to do", of
// these the parts that there are.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(printable(p.File) + ":")
		if p.Line > 0 {
			fmt.Fprintf(&b, "%d:%d:", p.Line, p.Column)
		}
		b.WriteString(" ")
	}
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	var parts []string
	for _, part := range []struct{ before, text string }{{"", p.What}, {"expected ", p.Expected}, {"got ", p.Got}, {"", p.Do}} {
		if part.text != "" {
			parts = append(parts, part.before+part.text)
		}
	}
	return b.String() + strings.Join(parts, "; ")
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
		for _, part := range []*string{&ps[i].Field, &ps[i].What, &ps[i].Expected, &ps[i].Got, &ps[i].Do} {
			*part = cut(*part, longLine)
		}
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.String(), b.String()))
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
