package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"
)

// cueProblems turns CUE's errors into Problems. prefix are the fields that the
// evaluated value lies below. What the known mistakes say already is left out.
func (e *evaluation) cueProblems(err error, prefix []string, known ...mistake) {
	for _, one := range errors.Errors(err) {
		fields := fieldsOf(one, prefix)
		if !e.root.Exists() {
			fields = nil
		}
		if slices.ContainsFunc(known, func(m mistake) bool { return within(m.path, fields) || within(fields, m.path) }) {
			continue
		}
		what, expected := explain(message(one))
		if what == "" || e.stubbed && e.followsStub(what, message(one)) {
			continue
		}
		if what == noField && len(fields) == 3 && fields[2] == "name" {
			// It is havn that gives entries their name; bind.cue does for the stock cue.
			what, expected = "a definition of yours has no room for it", "`...` or `name?: string` in the definition, since each entry gets its label as its name"
		}
		p := e.locate(one, fields)
		if len(fields) > 0 {
			what = pathText(fields) + ": " + what
		}
		p.What, p.Expected = what, expected
		e.problems = append(e.problems, p)
	}
	e.problems = joined(e.problems)
}

// asAlso splits what is wrong with a value that is two at once.
var asAlso = regexp.MustCompile(`^(|.+?: )is (.+)( and also .+)$`)

// joined makes one problem of those of the members of a disjunction, none of which
// is what is there.
func joined(ps Problems) Problems {
	var out Problems
	for _, p := range ps {
		this := asAlso.FindStringSubmatch(p.What)
		if len(out) > 0 && this != nil {
			last := &out[len(out)-1]
			if before := asAlso.FindStringSubmatch(last.What); before != nil && before[1] == this[1] && before[3] == this[3] && last.samePlace(p) {
				if before[2] != this[2] {
					last.What = this[1] + "is " + before[2] + " or " + this[2] + this[3]
				}
				continue
			}
		}
		out = append(out, p)
	}
	return out
}

func (p Problem) samePlace(o Problem) bool {
	return p.File == o.File && p.Line == o.Line && p.Column == o.Column
}

func within(parent, path []string) bool {
	return len(path) >= len(parent) && slices.Equal(parent, path[:len(parent)])
}

// fieldsOf is the path of an error below the package.
func fieldsOf(err errors.Error, prefix []string) []string {
	var out []string
	for _, f := range err.Path() {
		if f == "" || strings.HasPrefix(f, "#") {
			continue
		}
		if n, err := strconv.Atoi(f); err == nil {
			f = index(n)
		}
		out = append(out, strings.Trim(f, `"`))
	}
	if len(prefix) > 0 && (len(out) < len(prefix) || out[0] != prefix[0]) {
		out = append(slices.Clone(prefix), out...)
	}
	return out
}

// locate is the first position of the error in its entry, or else in a file of the
// user's, or else that of the field.
func (e *evaluation) locate(err errors.Error, fields []string) Problem {
	positions := errors.Positions(err)
	if p, ok := problemAt(positions); ok {
		if len(fields) < 2 || !e.root.Exists() {
			return p
		}
		entry := e.labelAt(fields[:2]...)
		inside := slices.DeleteFunc(positions, func(pos token.Pos) bool {
			name, _ := relative(pos.Filename())
			return name != entry.File || pos.Line() < entry.Line
		})
		if in, ok := problemAt(inside); ok {
			return in
		}
		return p
	}
	switch {
	case strings.Contains(message(err), "module.cue"):
		return Problem{File: "cue.mod/module.cue"}
	case len(fields) == 0:
		return Problem{}
	}
	return e.labelAt(fields...)
}

func message(err errors.Error) string {
	format, args := err.Msg()
	text := strings.TrimSpace(fmt.Sprintf(format, args...))
	if cause := errors.Unwrap(err); cause != nil && !strings.Contains(text, cause.Error()) {
		first, _, _ := strings.Cut(cause.Error(), "\n")
		text = strings.TrimPrefix(text+": "+first, ": ")
	}
	return strings.NewReplacer("\n", " ", snapshotRoot+"/", "").Replace(text)
}

var called = regexp.MustCompile(`^cannot call non-function ([\p{L}_][\p{L}0-9_]*)`)

// followsStub: what is wrong may be only that a stub stands for something, or that a
// file is left out.
func (e *evaluation) followsStub(what, text string) bool {
	m := called.FindStringSubmatch(text)
	return what == missing || strings.HasSuffix(what, noValue) || strings.HasSuffix(what, undecided) ||
		strings.Contains(text, "undefined field: ") || m != nil && e.stubs[m[1]]
}

// missing is what is wrong with a field that has to be there.
const missing = "missing"

// noValue is what is wrong with a field that is narrowed but not set.
const noValue = " is no value yet"

// undecided is what is wrong with a field that may be several things.
const undecided = " are all possible"

// noField is what is wrong with a field that nothing has.
const noField = "no such field"

// An explanation puts one of CUE's messages into plain words.
type explanation struct {
	pattern        *regexp.Regexp
	what, expected string
}

var explanations = []explanation{
	// The members of a disjunction follow as errors of their own.
	{regexp.MustCompile(`errors in empty disjunction`), "", ""},
	{regexp.MustCompile(`^conflicting values \{\[string\]:\{name:N\}\} and (.+?)( \(mismatched types .*\))?$`), "$1 is no struct", "entries by name"},
	{regexp.MustCompile(`^conflicting values (?:\{name:N\} and (.+?)|(.+?) and \{name:N\})( \(mismatched types .*\))?$`), "$1$2 is no struct", "fields between { and }"},
	{regexp.MustCompile(`^conflicting values \{services:\{\[string\]:\{name:N\}\}.*\} and (.+?)( \(mismatched types .*\))?$`), "the file is $1", "fields such as services and routes"},
	{regexp.MustCompile(`^conflicting values (.+?) and (.+?)( \(mismatched types .*\))?$`), "is $1 and also $2", "one value"},
	{regexp.MustCompile(`field is required but not present`), missing, "a value"},
	{regexp.MustCompile(`field not allowed`), noField, "a field that the schema or a definition of yours has"},
	{regexp.MustCompile(`^incomplete value (.+ \| .+)$`), "$1" + undecided, "one of them, or * before the default"},
	{regexp.MustCompile(`^(?:incomplete|non-concrete) value (.+)$`), "$1" + noValue, "one value"},
	{regexp.MustCompile(`^invalid value (.+) \(out of bound (.+)\)$`), "$1 is not allowed", "a value $2"},
	{regexp.MustCompile(`cannot find package "(.+?)"`), `package "$1" is not in the spec`, "a directory of the spec; nothing is fetched"},
	{regexp.MustCompile(`^language version "(.+)" declared in module.cue is too new for current language version "(.+)"`), "the module is written for CUE $1", "at most $2, which this havn has"},
	{regexp.MustCompile(`^no language version declared in module.cue`), "no language version is declared", "`language: version: \"v0.14.0\"`"},
	{regexp.MustCompile(`^structural cycle`), "holds itself, without an end", "a value that ends"},
	{regexp.MustCompile(`^imported and not used: (.+)$`), "$1 is imported and not used", "a use of it, or no import"},
	{regexp.MustCompile(`^unreferenced alias or let clause (.+)$`), `nothing uses "$1"`, "a use of it, or neither alias nor let"},
	{regexp.MustCompile(`^undefined field: (.+)$`), `there is no field "$1"`, "the name of a field that is there"},
	{regexp.MustCompile(`^expected operand, found 'ATTRIBUTE'$`), "an attribute stands where a value should", "a value before it, as in `_ @embed(file=x)`"},
	{regexp.MustCompile(`^expected operand, found (?:'(?:IDENT|STRING|INT|FLOAT|ATTRIBUTE)' )?(.+)$`), "found $1", "a value"},
	{regexp.MustCompile(`^expected (.+), found 'EOF'$`), "the file ends too early", "$1"},
	{regexp.MustCompile(`^expected (.+), found (?:'(?:IDENT|STRING|INT|FLOAT|ATTRIBUTE)' )?(.+)$`), "found $2", "$1"},
	{regexp.MustCompile(`^reference "(.+)" not found$`), `there is nothing called "$1"`, "a field, or a quoted string if it is meant as text"},
}

// explain puts CUE's words into ours: what is wrong, and what was expected.
func explain(text string) (what, expected string) {
	for _, x := range explanations {
		if m := x.pattern.FindStringSubmatchIndex(text); m != nil {
			return string(x.pattern.ExpandString(nil, x.what, text, m)), string(x.pattern.ExpandString(nil, x.expected, text, m))
		}
	}
	return text, ""
}
