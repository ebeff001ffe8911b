package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// hidden stands where a secret was.
const hidden = "[hidden]"

// shortest is the length from which a known value is a secret that can be searched
// for; a shorter one would take ordinary words out of the text.
const shortest = 6

// shortestPath is the same for the path of a secret address.
const shortestPath = 10

// telling are the names of parameters whose value is a secret.
const telling = `(?:access[_-]?key|api[_-]?key|token|password|passwd|pwd|secret|auth|sig|signature)`

// shapes are what secrets look like that nobody has named: credentials in a URL,
// values of telling parameters and headers, and the tokens of well-known services.
var shapes = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s"'@]+@`), "${1}" + hidden + "@"},
	{regexp.MustCompile("(?i)\\b((?:[a-z0-9]+[_-])*" + telling + `["']?=["']?)[^\s&"',;}]+`), "${1}" + hidden},
	{regexp.MustCompile("(?i)(\"(?:[a-z0-9]+[_-])*" + telling + `"\s*:\s*")[^"]+`), "${1}" + hidden},
	{regexp.MustCompile(`(?i)\b((?:proxy-)?authorization|cookie|x-[a-z-]*token|private-token)(\s*:\s*)[^\r\n]+`), "${1}${2}" + hidden},
	{regexp.MustCompile(`(?i)\b(bearer|basic)\s+[a-z0-9+/=_.~-]{6,}`), "${1} " + hidden},
	{regexp.MustCompile(`\b(?:gh[pousr]_|github_pat_|glpat-|gldt-|glptt-|xox[abeoprs]-|xapp-|syt_|whsec_|whsk_|tk_|AKIA)[A-Za-z0-9_+/=.-]{6,}`), hidden},
	{regexp.MustCompile(`(hooks\.slack\.com/)[^\s"']+`), "${1}" + hidden},
	{regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), hidden},
}

// Scrub returns text without the known secrets, however they are escaped, and
// without what looks like a secret.
func Scrub(text string, known ...string) string {
	var forms []string
	for _, k := range known {
		if len(k) >= shortest {
			forms = append(forms, spellings(k)...)
		}
	}
	// Long ones first, so that no rest of one stays when a shorter one is a part of it.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	for _, f := range slices.Compact(forms) {
		text = strings.ReplaceAll(text, f, hidden)
	}
	for _, s := range shapes {
		text = s.find.ReplaceAllString(text, s.put)
	}
	return text
}

// spellings are the forms in which a secret turns up in messages.
func spellings(k string) []string {
	quoted, _ := json.Marshal(k)
	out := []string{
		k, url.QueryEscape(k), url.PathEscape(k), strings.Trim(string(quoted), `"`),
		base64.StdEncoding.EncodeToString([]byte(k)), base64.RawURLEncoding.EncodeToString([]byte(k)), hex.EncodeToString([]byte(k)),
	}
	// Of a secret address, what matters is behind the host.
	if u, err := url.Parse(k); err == nil && u.Host != "" {
		parts := []string{strings.Trim(u.EscapedPath(), "/"), strings.Trim(u.Path, "/"), u.RawQuery}
		for _, values := range u.Query() {
			parts = append(parts, values...)
		}
		for _, part := range parts {
			if len(part) >= shortestPath {
				out = append(out, part)
			}
		}
		if p, ok := u.User.Password(); ok && len(p) >= shortest {
			out = append(out, p, url.QueryEscape(p))
		}
	}
	return out
}
