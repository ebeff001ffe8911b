package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
)

// remedy is what was most likely meant by a value that is not of the shape, "" if that
// is not known.
func (c *conformer) remedy(path []string, s *shape, v cue.Value, d datum) string {
	if do := habitOfValue(placeOf(path), v, d); do != "" {
		return do
	}
	if list := s.listOf(); list != nil && d.kind == cue.StringKind {
		word := d.literal()
		if !list.elem.accepts(d) {
			word = strings.TrimPrefix(list.elem.respelled(d.str), "write ")
		}
		if strings.HasPrefix(word, `"`) {
			return "write [" + word + "]"
		}
	}
	if s.hasKind(cue.StringKind) {
		if text := unquoted(v, d); text != "" && s.accepts(datum{kind: cue.StringKind, str: text}) {
			return "write " + strconv.Quote(text) + ", in double quotes"
		}
	}
	if s.objectOf() != nil && d.kind != cue.StringKind {
		return ""
	}
	switch d.kind {
	case cue.IntKind, cue.FloatKind, cue.BoolKind:
		return s.quoted(d)
	case cue.StringKind:
		return s.respelled(d.str)
	}
	return ""
}

// unquoted is a text that was written without quotes, as in image: nginx:1.30, or in
// those that CUE has for bytes.
func unquoted(v cue.Value, d datum) string {
	switch d.kind {
	case cue.BytesKind:
		text, _ := v.Bytes()
		return cut(string(text), longText)
	case cue.StructKind:
		fields, err := v.Fields()
		if err != nil || !fields.Next() {
			return ""
		}
		name, rest := fields.Selector().Unquoted(), datumOf(fields.Value())
		if fields.Next() || rest.kind&(cue.IntKind|cue.FloatKind|cue.StringKind) == 0 {
			return ""
		}
		return name + ":" + rest.text + rest.str
	}
	return ""
}

// quoted: the number is right as text, or as a time.
func (s *shape) quoted(d datum) string {
	for _, text := range []string{d.text, d.text + "s"} {
		if s.accepts(datum{kind: cue.StringKind, str: text}) {
			if text == d.text {
				return "write " + strconv.Quote(text) + ", in quotes"
			}
			return "write " + strconv.Quote(text) + " for seconds"
		}
	}
	return ""
}

// respellings are ways in which a text may be right: with a unit, without quotes, as other
// tools write it.
var respellings = []struct {
	pattern     *regexp.Regexp
	replacement string
	change      func(string) string
	hint        string
}{
	{regexp.MustCompile(`^\d+$`), "${0}s", strings.ToLower, " for seconds"},
	{regexp.MustCompile(`^(\d+)\s*([kKmMgG])i?[bB]?$`), "${1}${2}", strings.ToLower, ""},
	{regexp.MustCompile(`^(\d+) ?(ms|s|m|h|H|M|S)$`), "${1}${2}", strings.ToLower, ""},
	{regexp.MustCompile(`^(\d+) ?(?:secs?|seconds?)$`), "${1}s", strings.ToLower, ""},
	{regexp.MustCompile(`^(\d+) ?(?:mins?|minutes?)$`), "${1}m", strings.ToLower, ""},
	{regexp.MustCompile(`^(\d+) ?(?:hours?|hrs?)$`), "${1}h", strings.ToLower, ""},
	{regexp.MustCompile(`^(?i:sig)?([A-Za-z0-9+-]+)$`), "SIG${1}", strings.ToUpper, ""},
	{regexp.MustCompile(`^[^/: ][^: ]*$`), "/${0}", strings.Clone, ""},
	{regexp.MustCompile(`^https?://([^/]+)/?$`), "${1}", strings.ToLower, ""},
	{regexp.MustCompile(`^(.+):\d+$`), "${1}", strings.ToLower, ""},
	{regexp.MustCompile(`^(.+)\.$`), "${1}", strings.ToLower, ""},
	{regexp.MustCompile(`^\*$`), "_", strings.Clone, " for every name"},
	{regexp.MustCompile(`^[~^= ]+(/.*)$`), "${1}", strings.Clone, ""},
	{regexp.MustCompile(`^[A-Za-z0-9_-]+$`), "${0}", func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }, ""},
	{regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`), "${0}", func(s string) string { return strings.NewReplacer("-", "_", ".", "_").Replace(s) }, ""},
}

func (s *shape) respelled(text string) string {
	if d := (datum{kind: cue.IntKind, text: text}); true {
		var err error
		if d.number, err = strconv.ParseFloat(text, 64); err == nil {
			if strings.Contains(text, ".") {
				d.kind = cue.FloatKind
			}
			if s.accepts(d) {
				return "write " + text + ", without quotes"
			}
		}
	}
	if s.kind == "bool" {
		return map[string]string{"true": "write true, without quotes", "yes": "write true", "on": "write true",
			"false": "write false, without quotes", "no": "write false", "off": "write false"}[strings.ToLower(text)]
	}
	if cores, is := strings.CutSuffix(text, "m"); is && s.hasKind(cue.FloatKind) {
		if n, err := strconv.ParseFloat(cores, 64); err == nil {
			return "write " + strconv.FormatFloat(n/1000, 'f', -1, 64)
		}
	}
	if words := s.words(); len(words) > 0 {
		return suggest(strings.ToLower(text), words)
	}
	if lower := strings.ToLower(text); lower != text && s.accepts(datum{kind: cue.StringKind, str: lower}) {
		return "write " + strconv.Quote(lower)
	}
	for _, x := range respellings {
		if !x.pattern.MatchString(text) {
			continue
		}
		if other := x.change(x.pattern.ReplaceAllString(text, x.replacement)); s.accepts(datum{kind: cue.StringKind, str: other}) {
			return "write " + strconv.Quote(other) + x.hint
		}
	}
	return ""
}

// words are the texts that a value is one of, nil if it is not one of few.
func (s *shape) words() []string {
	var out []string
	for _, part := range s.oneOf {
		if !strings.HasPrefix(part.value, `"`) {
			return nil
		}
		word, _ := strconv.Unquote(part.value)
		out = append(out, word)
	}
	return out
}

// shellOnly are characters that mean something to a shell alone.
const shellOnly = "|&;<>()$`\\\"'*?#~="

// asCommand writes a command line as the list that Docker takes.
func asCommand(line string) string {
	words := strings.Fields(line)
	if strings.ContainsAny(line, shellOnly) {
		words = []string{"sh", "-c", line}
	}
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = strconv.Quote(word)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// firstOf is the first text of a list, or the text itself.
func firstOf(v cue.Value, d datum) string {
	if d.kind == cue.StringKind {
		return d.str
	}
	if d.kind == cue.IntKind {
		return d.text
	}
	elems, err := v.List()
	if err != nil || !elems.Next() {
		return ""
	}
	first := datumOf(elems.Value())
	if first.kind == cue.StringKind {
		return first.str
	}
	return first.text
}

// placeOf is where a field stands, without the names that the user chose:
// "service.volumes.*.readOnly".
func placeOf(path []string) string {
	kinds := map[string]string{"services": "service", "routes": "route", "volumes": "volume"}
	if len(path) < 2 || kinds[path[0]] == "" {
		return strings.Join(path, ".")
	}
	out := []string{kinds[path[0]]}
	for i, name := range path[2:] {
		if i == 1 && slices.Contains([]string{"ports", "volumes", "files", "env", "labels", "binds", "paths"}, path[2]) {
			name = "*"
		}
		out = append(out, name)
	}
	return strings.Join(out, ".")
}

// asPort writes a port mapping of Docker's command line and Compose, "8080:80".
func asPort(mapping string) string {
	bare, protocol, _ := strings.Cut(mapping, "/")
	parts := strings.Split(bare, ":")
	inside := parts[len(parts)-1]
	if n, err := strconv.Atoi(inside); err != nil || n < 1 || n > 65535 {
		return `write ports: admin: 9000, or {port: 9000, host: "127.0.0.1:9000"} to publish it on the machine`
	}
	if len(parts) == 1 {
		return fmt.Sprintf("write port: %s, or ports: admin: %s beside the port of the routes", inside, inside)
	}
	host := "127.0.0.1:" + parts[len(parts)-2]
	if len(parts) == 3 {
		host = parts[0] + ":" + parts[1]
	}
	if protocol != "" && protocol != "tcp" {
		protocol = fmt.Sprintf(", protocol: %q", protocol)
	} else {
		protocol = ""
	}
	return fmt.Sprintf("write port: %s if routes lead there, or ports: admin: {port: %s, host: %q%s} to publish it on the machine", inside, inside, host, protocol)
}

// asMount writes a mount of Docker's command line and Compose, "data:/data:ro".
func asMount(mount string) string {
	parts := strings.Split(mount, ":")
	switch {
	case len(parts) < 2 || !strings.HasPrefix(parts[1], "/"):
		return `write volumes: "/data": "NAME"`
	case strings.HasPrefix(parts[0], "/"):
		return fmt.Sprintf("write binds: %q: %q", parts[1], parts[0])
	case strings.HasPrefix(parts[0], ".") || strings.HasPrefix(parts[0], "~"):
		return fmt.Sprintf("write files: %q: content: \"...\", or binds with an absolute path", parts[1])
	case len(parts) > 2 && parts[2] == "ro":
		return fmt.Sprintf("write volumes: %q: {volume: %q, readOnly: true}", parts[1], parts[0])
	}
	return fmt.Sprintf("write volumes: %q: %q", parts[1], parts[0])
}
