package spec

import (
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/token"
)

// A datum is a concrete value that is neither struct nor list, or the bare kind
// of one that is.
type datum struct {
	kind   cue.Kind
	str    string // of a string
	number float64
	text   string // of anything else, as CUE writes it
}

func datumOf(v cue.Value) datum {
	d := datum{kind: v.IncompleteKind()}
	switch d.kind {
	case cue.StringKind:
		d.str, _ = v.String()
	case cue.IntKind, cue.FloatKind:
		d.number, _ = v.Float64()
		text, _ := v.MarshalJSON()
		d.text = string(text)
	case cue.BoolKind:
		b, _ := v.Bool()
		d.text = strconv.FormatBool(b)
	case cue.NullKind:
		d.text = "null"
	case cue.StructKind:
		d.text = "{...}"
	case cue.ListKind:
		d.text = "[...]"
	case cue.BytesKind:
		d.text = "'...'"
	default:
		d.text = "a value"
	}
	return d
}

// literal is d as CUE writes it.
func (d datum) literal() string {
	if d.kind == cue.StringKind {
		return strconv.Quote(d.str)
	}
	return d.text
}

const (
	longText = 60
	longLine = 600
)

// cut shortens text to about n bytes.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}

// String is d, short enough for a line.
func (d datum) String() string {
	if d.kind == cue.StringKind {
		return strconv.Quote(cut(d.str, longText))
	}
	return cut(d.text, longText)
}

// describe names what the shape allows, fit to follow "expected".
func (s *shape) describe() string {
	switch {
	case s.noun != "" && (s.object == nil || strings.Contains(s.noun, "{")):
		return s.noun
	case s.kind != "":
		return map[string]string{"string": "a string", "int": "a whole number", "number": "a number", "bool": "true or false", "_": "anything"}[s.kind]
	case s.value != "":
		return s.value
	case s.bound != nil:
		return "a value " + s.bound.String()
	case s.all != nil:
		return describeAll(s.all)
	case s.oneOf != nil:
		words := make([]string, len(s.oneOf))
		for i, part := range s.oneOf {
			words[i] = part.describe()
		}
		return listed(words, "or")
	case s.list != nil:
		return map[bool]string{true: "a list of one or more entries, each ", false: "a list of entries, each "}[s.list.least > 0] + s.list.elem.describe()
	}
	if len(s.object.patterns) > 0 {
		return "a struct of names and values"
	}
	return "a struct with " + listed(s.object.names, "or")
}

// describeAll joins a type and its bounds: "a whole number from 0 to 10".
func describeAll(parts []*shape) string {
	text := parts[0].describe()
	rest := parts[1:]
	if len(rest) == 2 && rest[0].bound != nil && rest[1].bound != nil && rest[0].bound.op == token.GEQ && rest[1].bound.op == token.LEQ {
		return text + " from " + rest[0].bound.not + " to " + rest[1].bound.not
	}
	for _, part := range rest {
		if part.bound != nil {
			text += " " + part.bound.String()
		}
	}
	return text
}

func (b *bound) String() string {
	switch b.op {
	case token.GEQ:
		return "of at least " + b.not
	case token.LEQ:
		return "of at most " + b.not
	case token.GTR:
		return "above " + b.not
	case token.LSS:
		return "below " + b.not
	case token.NEQ:
		if b.not == `""` {
			return "that is not empty"
		}
		return "other than " + b.not
	}
	return "that matches " + b.match.String()
}

// listed joins words: "a, b or c".
func listed(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

// index is a path's element for the nth of a list.
func index(n int) string { return "[" + strconv.Itoa(n) + "]" }

// indexOf reads what index writes.
func indexOf(name string) (int, bool) {
	if !strings.HasPrefix(name, "[") {
		return 0, false
	}
	n, err := strconv.Atoi(strings.Trim(name, "[]"))
	return n, err == nil
}

// pathText writes a path of fields as CUE would: services.web.files."/x".
func pathText(path []string) string {
	var b strings.Builder
	for i, name := range path {
		if _, is := indexOf(name); is {
			b.WriteString(name)
			continue
		}
		if i > 0 {
			b.WriteString(".")
		}
		if isIdentifier(name) {
			b.WriteString(name)
		} else {
			b.WriteString(strconv.Quote(name))
		}
	}
	return b.String()
}

func isIdentifier(name string) bool {
	for i, r := range name {
		letter := r == '_' || r == '$' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
