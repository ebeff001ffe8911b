package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"havn.internal/spec"
)

// A field is one value of a release or a location, as specs write it.
type field struct {
	text string
	// secret: the value may be a secret.
	secret bool
	// digest: the text stands for something larger, and says nothing to people.
	digest bool
}

// written names fields as specs do, where the resolved form has another name for them.
var written = map[string]string{
	"health.path": "health.http.path", "health.host": "health.http.host", "health.headers": "health.http.headers",
	"health.status": "health.http.status", "health.command": "health.exec.command",
	"resources.nanoCPUs": "resources.cpus",
}

// commands are the lists of words: each word is a field.
var commands = map[string]bool{"command": true, "entrypoint": true, "health.exec.command": true}

// sizes are the fields that count bytes, where a name ends in one of these.
var sizes = []string{"resources.memory", "log.maxSize", "body.max", "body.buffer"}

// fields flattens a release to dotted names and values.
func fields(r spec.Release) map[string]field {
	open := flat(releaseTree(r), r.Hidden())
	shut := flat(releaseTree(r.Hide("hidden")), true)
	for name, f := range open {
		f.secret = shut[name].text != f.text || strings.HasPrefix(f.text, `"(hidden `)
		if path, is := strings.CutSuffix(name, ".sha256"); is && strings.HasPrefix(name, "files.") {
			delete(open, name)
			f.secret, f.digest, name = true, true, path
		}
		open[name] = f
	}
	open["imageID"] = field{text: shortID(r.ImageID)}
	// It is a reason and no field: the ones that it follows from are there.
	delete(open, "rollout.forced")
	return open
}

func releaseTree(r spec.Release) map[string]any { return tree(r.Stored().Service) }

// locationFields is fields for a location.
func locationFields(l Location) map[string]field {
	l.Servers, l.Spares = nil, nil
	open, shut := flat(tree(l), l.hidden), flat(tree(l.Hide()), true)
	out := map[string]field{}
	for name, f := range open {
		f.secret = shut[name].text != f.text || strings.HasPrefix(f.text, `"(hidden `)
		out[strings.TrimPrefix(strings.TrimPrefix(name, "target."), "options.")] = f
	}
	return out
}

// tree is v as JSON has it.
func tree(v any) map[string]any {
	text, err := json.Marshal(v)
	if err != nil {
		panic("plan: fields: " + err.Error()) // only strings, numbers and maps of them
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var out map[string]any
	if err := d.Decode(&out); err != nil {
		panic("plan: fields: " + err.Error())
	}
	return out
}

func shortID(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(12, len(id))]
}

// flat flattens a tree. The words of a command are told apart unless they are hidden.
func flat(from map[string]any, hidden bool) map[string]field {
	out := map[string]field{}
	flattenInto(out, "", from, hidden)
	return out
}

func flattenInto(out map[string]field, prefix string, from map[string]any, hidden bool) {
	for k, v := range from {
		name := strings.TrimPrefix(prefix+"."+k, ".")
		if as, other := written[name]; other {
			name = as
		}
		words, list := v.([]any)
		switch sub, deeper := v.(map[string]any); {
		case deeper:
			flattenInto(out, name, sub, hidden)
		case list && commands[name] && !hidden:
			for i, word := range words {
				out[fmt.Sprintf("%s[%d]", name, i)] = field{text: jsonText(word)}
			}
		default:
			out[name] = field{text: asWritten(name, v)}
		}
	}
}

// asWritten is a value with the unit that specs have for it.
func asWritten(name string, v any) string {
	number, is := v.(json.Number)
	n, err := number.Int64()
	switch {
	case !is || err != nil:
		return jsonText(v)
	case name == "resources.cpus":
		return strconv.FormatFloat(float64(n)/1e9, 'f', -1, 64)
	case strings.HasPrefix(name, "files.") && strings.HasSuffix(name, ".mode"):
		return fmt.Sprintf(`"%04o"`, n)
	case strings.HasPrefix(name, "security.tmpfs."):
		return bytesText(n)
	}
	for _, size := range sizes {
		if strings.HasSuffix(name, size) {
			return bytesText(n)
		}
	}
	return jsonText(v)
}

// bytesText is a size in its largest unit that leaves no rest.
func bytesText(n int64) string {
	unit := ""
	for _, next := range []string{"k", "m", "g"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, next
	}
	return fmt.Sprintf(`"%d%s"`, n, unit)
}

// jsonText is a value as JSON, for people: with < and > as they are.
func jsonText(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("plan: fields: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}
