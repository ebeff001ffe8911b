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
		p, text := explain(message(one)), message(one)
		if p == (Problem{}) || e.stubbed && e.followsStub(p.What, text) {
			continue
		}
		if p.What == noField && len(fields) == 3 && fields[2] == "name" {
			// It is havn that gives entries their name; bind.cue does for the stock cue.
			p.What, p.Do = "the definition of this entry has no field for it", "add `...` or `name?: string` to the definition: each entry gets its label as its name"
		}
		place := e.locate(one, fields)
		p.File, p.Line, p.Column = place.File, place.Line, place.Column
		if len(fields) > 0 {
			p.Field = pathText(fields)
		}
		if other, is := otherPlace(one, p); is && !e.snapshot.Host && asAlso.MatchString(p.What) {
			p.What += " (at " + other + ")"
		}
		e.problems = append(e.problems, e.specific(p))
	}
	e.problems = joined(e.problems)
}

// otherPlace is the first place of the error in a file of the user's beside that of p.
// A host file is evaluated under another name, with a line more.
func otherPlace(err errors.Error, p Problem) (string, bool) {
	for _, pos := range errors.Positions(err) {
		if o, is := problemAt([]token.Pos{pos}); is && (o.File != p.File || o.Line != p.Line) {
			return fmt.Sprintf("%s:%d:%d", printable(o.File), o.Line, o.Column), true
		}
	}
	return "", false
}

// embedding and externs are how a file asks for the content of another
// (https://cuelang.org/docs/reference/modules/#embedding).
var (
	embedding = regexp.MustCompile(`@embed\(`)
	externs   = regexp.MustCompile(`(?m)^@extern\(embed\)`)
)

// specific says more of a problem by what stands at its place.
func (e *evaluation) specific(p Problem) Problem {
	text := e.snapshot.Files[p.File]
	line := lineOf(text, p.Line)
	switch at := line[min(len(line), max(0, p.Column-1)):]; {
	case p.What == illegalNumber:
		word := wordAt.FindString(at)
		p.What, p.Do = fmt.Sprintf("%s is not a number in CUE", word), fmt.Sprintf("write %q, in quotes", word)
	case strings.HasPrefix(p.What, noValue) && embedding.MatchString(line) && !externs.Match(text):
		p.What, p.Do = "the file is not embedded: @embed needs @extern", "write `@extern(embed)` as the first line of the file, before `package`"
	case strings.Contains(p.Expected, "':'") && assignment.MatchString(line):
		p.Do = "write : in place of ="
	}
	return p
}

// assignment is how other languages set a field.
var assignment = regexp.MustCompile(`[A-Za-z0-9_"] *= *["0-9\[{A-Za-z_]`)

var wordAt = regexp.MustCompile(`^[0-9A-Za-z_.]+`)

// lineOf is the nth line of a text, from 1; empty if there is none.
func lineOf(text []byte, n int) string {
	lines := strings.Split(string(text), "\n")
	if n < 1 || n > len(lines) {
		return ""
	}
	return lines[n-1]
}

// asAlso splits what is wrong with a value that is two at once.
var asAlso = regexp.MustCompile(`^has the value (.+?)( and also .+?)( \(at .+\))?$`)

// joined makes one problem of those of the members of a disjunction, none of which
// is what is there.
func joined(ps Problems) Problems {
	var out Problems
	for _, p := range ps {
		this := asAlso.FindStringSubmatch(p.What)
		if len(out) > 0 && this != nil {
			last := &out[len(out)-1]
			if before := asAlso.FindStringSubmatch(last.What); before != nil && before[2] == this[2] && last.Field == p.Field && last.samePlace(p) {
				if before[1] != this[1] {
					last.What = "has the value " + before[1] + " or " + this[1] + this[2]
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
		if f == letLabel {
			break // what is in a let clause has no path
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
	return strings.NewReplacer("\n", " ", snapshotRoot+"/", "", "."+letLabel, "", letLabel+".", "").Replace(text)
}

// letLabel is what CUE calls the place of a let clause in paths and messages.
const letLabel = "let[]"

var called = regexp.MustCompile(`^cannot call non-function ([\p{L}_][\p{L}0-9_]*)`)

// followsStub: what is wrong may be only that a stub stands for something, or that a
// file is left out.
func (e *evaluation) followsStub(what, text string) bool {
	m := called.FindStringSubmatch(text)
	return what == missing || strings.HasPrefix(what, noValue) || strings.HasPrefix(what, undecided) ||
		strings.Contains(text, "undefined field: ") || m != nil && e.stubs[m[1]]
}

// missing is what is wrong with a field that has to be there.
const missing = "missing"

// noValue is what is wrong with a field that is narrowed but not set.
const noValue = "has no concrete value"

// undecided is what is wrong with a field that may be several things.
const undecided = "has several possible values: "

// illegalNumber is what is wrong with digits that are no number.
const illegalNumber = "illegal number"

// noField is what is wrong with a field that nothing has.
const noField = "no such field"

// An explanation puts one of CUE's messages into plain words.
type explanation struct {
	pattern                 *regexp.Regexp
	what, expected, got, do string
}

func (x explanation) of(text string, match []int) Problem {
	fill := func(template string) string { return string(x.pattern.ExpandString(nil, template, text, match)) }
	return Problem{What: fill(x.what), Expected: fill(x.expected), Got: fill(x.got), Do: fill(x.do)}
}

var explanations = []explanation{
	// The members of a disjunction follow as errors of their own.
	{regexp.MustCompile(`errors in empty disjunction`), "", "", "", ""},
	{regexp.MustCompile(`^conflicting values \{\[string\]:\{name:N\}\} and (.+?)( \(mismatched types .*\))?$`), "", "a struct of entries by name", "$1", ""},
	{regexp.MustCompile(`^conflicting values (?:\{name:N\} and (.+?)|(.+?) and \{name:N\})( \(mismatched types .*\))?$`), "", "a struct, its fields between { and }", "$1$2", ""},
	{regexp.MustCompile(`^conflicting values \{services:\{\[string\]:\{name:N\}\}.*\} and (.+?)( \(mismatched types .*\))?$`), "", "fields such as services and routes", "a file with the value $1", ""},
	{regexp.MustCompile(`^conflicting values (.+?) and (.+?)( \(mismatched types .*\))?$`), "has the value $1 and also $2", "", "", "remove one of them"},
	{regexp.MustCompile(`field is required but not present`), missing, "", "", "set it"},
	{regexp.MustCompile(`field not allowed`), noField, "", "", "remove it, or add it to the definition that closes the struct"},
	{regexp.MustCompile(`^incomplete value (.+ \| .+)$`), undecided + "$1", "", "", "choose one, or mark the default with *"},
	{regexp.MustCompile(`^(?:incomplete|non-concrete) value _$`), noValue, "", "", "set one"},
	{regexp.MustCompile(`^(?:incomplete|non-concrete) value (.+)$`), noValue + ", only the constraint $1", "", "", "set one"},
	{regexp.MustCompile(`^invalid value (.+) \(out of bound (.+)\)$`), "", "a value $2", "$1", ""},
	{regexp.MustCompile(`cannot find package "(.+?)"`), `package "$1" is not part of the spec`, "", "", "import a directory of the spec; nothing is downloaded"},
	{regexp.MustCompile(`^language version "(.+)" declared in module.cue is too new for current language version "(.+)"`), "", "language version $2 or older, which this havn evaluates", "$1", ""},
	{regexp.MustCompile(`^no language version declared in module.cue`), "no language version is declared", "", "", "write `language: version: \"v0.14.0\"`"},
	{regexp.MustCompile(`^structural cycle`), "contains itself, without an end", "", "", "break the cycle"},
	{regexp.MustCompile(`^imported and not used: (.+)$`), "$1 is imported and not used", "", "", "use it, or remove the import"},
	{regexp.MustCompile(`^unreferenced alias or let clause (.+)$`), `"$1" is declared and not used`, "", "", "use it, or remove it"},
	{regexp.MustCompile(`^undefined field: (.+)$`), `there is no field "$1"`, "", "", "write the name of a field that exists"},
	{regexp.MustCompile(`^illegal (?:integer|floating-point|hexadecimal|octal|binary) number`), illegalNumber, "", "", ""},
	{regexp.MustCompile(`^expected operand, found 'ATTRIBUTE'$`), "an attribute stands in place of a value", "", "", "write a value before it, as in `_ @embed(file=x)`"},
	{regexp.MustCompile(`^expected operand, found (?:'(?:IDENT|STRING|INT|FLOAT|ATTRIBUTE)' )?(.+)$`), "", "a value", "$1", ""},
	{regexp.MustCompile(`^expected (.+), found 'EOF'$`), "", "$1", "the end of the file", ""},
	{regexp.MustCompile(`^expected (.+), found (?:'(?:IDENT|STRING|INT|FLOAT|ATTRIBUTE)' )?(.+)$`), "", "$1", "$2", ""},
	{regexp.MustCompile(`^reference "(.+)" not found$`), `"$1" is not declared`, "", "", "declare it, or put it in quotes if it is text"},
}

// explain puts CUE's words into ours.
func explain(text string) Problem {
	for _, x := range explanations {
		if m := x.pattern.FindStringSubmatchIndex(text); m != nil {
			return x.of(text, m)
		}
	}
	return Problem{What: text}
}
