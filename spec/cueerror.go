package spec

import (
	"fmt"
	"regexp"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"
)

// cueProblems turns CUE's errors into Problems. prefix are the fields that the
// evaluated value lies below.
func (e *evaluation) cueProblems(err error, prefix []string) {
	all := errors.Errors(err)
	for _, one := range all {
		if p, ok := e.cueProblem(one, prefix); ok {
			e.problems = append(e.problems, p)
		}
	}
}

func (e *evaluation) cueProblem(err errors.Error, prefix []string) (Problem, bool) {
	what := message(err)
	fields := fieldsOf(err, prefix)
	if strings.Contains(what, "errors in empty disjunction") {
		// Its members follow as errors of their own.
		return Problem{}, false
	}
	p, found := e.locate(err, fields)
	if !found && len(fields) > 0 {
		p = e.at(fields...)
	}
	where := strings.Join(fields, ".")
	if where != "" {
		where += ": "
	}
	what, expected := e.explain(what, fields)
	p.What, p.Expected = where+what, expected
	return p, true
}

// fieldsOf is the path of an error below the package.
func fieldsOf(err errors.Error, prefix []string) []string {
	var out []string
	for _, f := range err.Path() {
		if unquoted := strings.Trim(f, `"`); !strings.HasPrefix(f, "#") {
			out = append(out, unquoted)
		}
	}
	if len(prefix) > 0 && (len(out) < len(prefix) || out[0] != prefix[0]) {
		out = append(append([]string{}, prefix...), out...)
	}
	return out
}

// locate is the first position of the error in a file of the user's; one in the
// schema helps nobody.
func (e *evaluation) locate(err errors.Error, _ []string) (Problem, bool) {
	for _, pos := range errors.Positions(err) {
		if p, ok := problemAt(pos); ok {
			return p, true
		}
	}
	return Problem{}, false
}

func problemAt(pos token.Pos) (Problem, bool) {
	if !pos.IsValid() {
		return Problem{}, false
	}
	name, inside := relative(pos.Filename())
	if !inside || name == "bind.cue" {
		return Problem{}, false
	}
	return Problem{File: name, Line: pos.Line(), Column: pos.Column()}, true
}

func message(err errors.Error) string {
	format, args := err.Msg()
	return strings.TrimSpace(fmt.Sprintf(format, args...))
}

var (
	mismatch    = regexp.MustCompile(`^conflicting values (.+) and (.+) \(mismatched types (\S+) and (\S+)\)$`)
	outOfBound  = regexp.MustCompile(`^invalid value (.+) \(out of bound (.+)\)$`)
	conflicting = regexp.MustCompile(`^conflicting values (.+) and (.+)$`)
)

// explain puts CUE's words into ours: what is wrong, and what was expected.
func (e *evaluation) explain(text string, fields []string) (what, expected string) {
	doc := e.schemaDoc(fields)
	switch m := mismatch.FindStringSubmatch(text); {
	case m != nil:
		return fmt.Sprintf("%s is of type %s", shorter(m[1], m[2]), typeOf(m)), orDefault(doc, "a "+otherType(m))
	case strings.Contains(text, "field not allowed"):
		parent := fields[:max(0, len(fields)-1)]
		known := e.schemaFields(parent)
		name := ""
		if len(fields) > 0 {
			name = fields[len(fields)-1]
		}
		return "field not allowed", "one of " + strings.Join(known, ", ") + suggest(name, known)
	case strings.Contains(text, "field is required but not present"):
		return "missing", orDefault(doc, "a value")
	case strings.HasPrefix(text, "incomplete value"):
		return text, "a concrete value"
	}
	if m := outOfBound.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("%s is out of bounds", m[1]), bound(m[2], doc)
	}
	if m := conflicting.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("%s is set, and also %s", m[1], m[2]), orDefault(doc, "one value")
	}
	return text, doc
}

func bound(b, doc string) string {
	if strings.HasPrefix(b, "=~") {
		return orDefault(doc, "a match of "+strings.TrimPrefix(b, "=~"))
	}
	return b
}

// In a mismatch one side is the user's literal and the other the schema's type;
// the literal is the one that is no type's name.
var typeNames = regexp.MustCompile(`^(string|int|number|bool|bytes|null|\{.*|\[.*|>.*|<.*|=~.*|\(.*)$`)

func shorter(a, b string) string {
	if typeNames.MatchString(a) && !typeNames.MatchString(b) {
		return b
	}
	return a
}

func typeOf(m []string) string {
	if shorter(m[1], m[2]) == m[2] {
		return m[4]
	}
	return m[3]
}

func otherType(m []string) string {
	if shorter(m[1], m[2]) == m[2] {
		return m[3]
	}
	return m[4]
}

var definitions = map[string]string{"services": "#Service", "routes": "#Route", "volumes": "#Volume"}

// inSchema looks up the schema's value for a path of fields.
func (e *evaluation) inSchema(fields []string) (cue.Value, bool) {
	if len(fields) < 2 || definitions[fields[0]] == "" || !e.schema.Exists() {
		return cue.Value{}, false
	}
	v := e.schema.LookupPath(cue.ParsePath(definitions[fields[0]]))
	for _, f := range fields[2:] {
		next := v.LookupPath(cue.MakePath(cue.Str(f).Optional()))
		if !next.Exists() {
			next = v.LookupPath(cue.MakePath(cue.Str(f)))
		}
		if !next.Exists() {
			next = v.LookupPath(cue.MakePath(cue.AnyString))
		}
		if !next.Exists() {
			return cue.Value{}, false
		}
		v = next
	}
	return v, true
}

// schemaFields are the fields that are allowed below a path.
func (e *evaluation) schemaFields(fields []string) []string {
	v, ok := e.inSchema(fields)
	if !ok {
		return nil
	}
	all, err := v.Fields(cue.Optional(true))
	if err != nil {
		return nil
	}
	var out []string
	for all.Next() {
		if name := all.Selector().Unquoted(); name != "name" {
			out = append(out, name)
		}
	}
	return out
}

// schemaDoc is the first sentence of what the schema says of a field.
func (e *evaluation) schemaDoc(fields []string) string {
	v, ok := e.inSchema(fields)
	if !ok {
		return ""
	}
	for _, group := range v.Doc() {
		text := strings.Join(strings.Fields(group.Text()), " ")
		if i := strings.Index(text, ". "); i > 0 {
			text = text[:i]
		}
		return strings.TrimSuffix(text, ".")
	}
	return ""
}
