package spec

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Concealed stands where a value was that may be secret.
const Concealed = "(hidden)"

// leastSecret is the length from which a value is searched for in a text; a shorter one
// would take ordinary words out of it.
const leastSecret = 6

// ordinary are values that are no secret, for anybody could guess them: a short word or
// name, a number, a path, a flag.
var ordinary = regexp.MustCompile(`^(?:[a-z][a-z.-]{0,11}|[0-9.:]+|/[^?@=]*|--?[A-Za-z][A-Za-z-]*)$`)

// Conceal returns text without the values of r that [Release.Hide] hides, however a
// program that knows them has written them down. It is for what programs and their
// runtimes say. A value that is ordinary stays: it is no secret, and the text would be unreadable.
func (r Release) Conceal(text string) string { return conceal(text, r.secrets()) }

// Conceal returns text without the values of t that [Target.Hide] hides.
func (t Target) Conceal(text string) string {
	values := slices.Collect(maps.Values(t.Options.Headers.Request))
	values = slices.AppendSeq(values, maps.Values(t.Options.Headers.Response))
	if t.Redirect != nil && strings.ContainsAny(t.Redirect.To, "?@") {
		values = append(values, t.Redirect.To)
	}
	return conceal(text, values)
}

// secrets are the values that Hide hides. What runs is named by the first word of the
// entrypoint, or of the command if there is none.
func (r Release) secrets() []string {
	s := r.Service
	words := slices.Concat(s.Entrypoint, s.Command)
	words = append(words[min(1, len(words)):], s.Health.Command[min(1, len(s.Health.Command)):]...)
	for _, m := range []map[string]string{s.Env, s.Labels, s.Health.Headers} {
		words = slices.AppendSeq(words, maps.Values(m))
	}
	if strings.ContainsAny(s.Health.Path, "?@") {
		words = append(words, s.Health.Path)
	}
	for _, f := range s.Files {
		words = append(words, f.SHA256)
		words = append(words, settings(f.Content)...)
	}
	return words
}

// settings are the values that a file of settings sets, and its lines.
func settings(content string) []string {
	var out []string
	for line := range strings.Lines(content) {
		line = strings.TrimSpace(line)
		if i := strings.IndexAny(line, "=:"); i >= 0 {
			out = append(out, strings.Trim(line[i+1:], " \t\"',;"))
		}
		if !strings.ContainsAny(line, " \t{}") {
			out = append(out, line)
		}
	}
	return out
}

func conceal(text string, values []string) string {
	if text == "" {
		return text
	}
	var forms []string
	for _, v := range values {
		forms = append(forms, spellings(v)...)
	}
	// Long ones first, so that no rest of one stays when a shorter one is a part of it.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	for _, f := range slices.Compact(forms) {
		text = strings.ReplaceAll(text, f, Concealed)
	}
	return text
}

// spellings are the forms in which a value turns up in messages.
func spellings(value string) []string {
	value = strings.TrimSpace(value)
	if flag, v, is := strings.Cut(value, "="); is && strings.HasPrefix(flag, "-") {
		return spellings(v)
	}
	if kind, rest, is := strings.Cut(value, " "); is && !strings.Contains(rest, " ") && (kind == "Bearer" || kind == "Basic") {
		return spellings(rest)
	}
	var out []string
	if u, err := url.Parse(value); err == nil && u.Host != "" {
		// Where an address leads is no secret; who asks is.
		if p, has := u.User.Password(); has {
			out = append(out, spellings(p)...)
		}
		for _, v := range u.Query() {
			for _, one := range v {
				out = append(out, spellings(one)...)
			}
		}
		if u.User == nil && u.RawQuery == "" {
			return nil
		}
	} else if ordinary.MatchString(value) {
		return nil
	}
	if len(value) < leastSecret || hiddenForm.MatchString(value) {
		return out
	}
	quoted, err := json.Marshal(value)
	if err != nil {
		panic("spec: conceal: " + err.Error()) // only a string
	}
	return append(out, value, strings.Trim(string(quoted), `"`), url.QueryEscape(value), url.PathEscape(value),
		base64.StdEncoding.EncodeToString([]byte(value)))
}
