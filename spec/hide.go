package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
)

// Values that may be secret are hidden where a release leaves the machine: each is
// replaced by "(hidden 9f3a)", 16 bits of a hash of its place and itself. Two
// releases show which of their values differ, and one value gives away no more than
// those bits, however often its place is written down: the hash has no random part,
// so writing it again tells nothing new.
//
// What it does not do: the short fingerprint is another 32 bits of all values
// together. Who knows everything else of a release can test guesses of one value
// against it, as against the name of any container. A value that can be guessed
// is no secret.

var hiddenForm = regexp.MustCompile(`^\(hidden [0-9a-f]{4}\)$`)

// hide is the stand-in for a value. An empty one says something by being empty,
// and stays.
func hide(place, value string) string {
	if value == "" || hiddenForm.MatchString(value) {
		return value
	}
	sum := sha256.Sum256([]byte(place + "\x00" + value))
	return "(hidden " + hex.EncodeToString(sum[:2]) + ")"
}

func hideAll(place string, values map[string]string) map[string]string {
	if values == nil {
		return nil
	}
	out := make(map[string]string, len(values))
	for k, v := range values {
		out[k] = hide(place+"."+k, v)
	}
	return out
}

// hideList hides a list as a whole: one hash, not one a word.
func hideList(place string, words []string) []string {
	if len(words) == 0 || len(words) == 1 && hiddenForm.MatchString(words[0]) {
		return words
	}
	text, err := json.Marshal(words)
	if err != nil {
		panic("spec: hide: " + err.Error()) // only strings
	}
	return []string{hide(place, string(text))}
}

// hideIf hides an address only if it could carry a secret: in its query, or before
// an @.
func hideIf(place, address string) string {
	if strings.ContainsAny(address, "?@") {
		return hide(place, address)
	}
	return address
}

// Hide returns r without the values that may be secret: of the environment,
// commands, files, labels and headers. What is left is not what its fingerprint was
// made from, so it is known by f from then on.
func (r Release) Hide(f Fingerprint) Release {
	s := &r.Service
	s.Command, s.Entrypoint = hideList(s.Name+" command", s.Command), hideList(s.Name+" entrypoint", s.Entrypoint)
	s.Env, s.Labels = hideAll(s.Name+" env", s.Env), hideAll(s.Name+" labels", s.Labels)
	s.Files = withoutContent(s.Files)
	for path, file := range s.Files {
		file.SHA256 = hide(s.Name+" files."+path, file.SHA256)
		s.Files[path] = file
	}
	s.Health.Headers = hideAll(s.Name+" health.headers", s.Health.Headers)
	s.Health.Command = hideList(s.Name+" health.command", s.Health.Command)
	s.Health.Path = hideIf(s.Name+" health.path", s.Health.Path)
	r.hidden = f
	return r
}

// Hidden reports whether r is what Hide returned.
func (r Release) Hidden() bool { return r.hidden != "" }

// Hide returns t without the values that may be secret: of headers, and of a
// redirect's query. The place tells targets apart.
func (t Target) Hide(place string) Target {
	t.Options.Headers.Request = hideAll(place+" request", t.Options.Headers.Request)
	t.Options.Headers.Response = hideAll(place+" response", t.Options.Headers.Response)
	if t.Redirect != nil {
		to := *t.Redirect
		to.To = hideIf(place+" redirect", to.To)
		t.Redirect = &to
	}
	return t
}
