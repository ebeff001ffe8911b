package nginx

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// The grammars of what a location may carry. The schema has them too; this is the
// last gate, for whatever way a table came.
var (
	hostForm   = regexp.MustCompile(`^(\*\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$`)
	pathForm   = regexp.MustCompile(`^/[A-Za-z0-9._~!&'()*+,;=:@%/-]*$`)
	headerForm = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	targetForm = regexp.MustCompile(`^(https?://[A-Za-z0-9.-]+(:[0-9]+)?)?(/[A-Za-z0-9._~!&'()*+,;=:@%/?#-]*)?$`)
)

// Check refuses a location that nginx could not be told of: one with a value that is
// not of its class.
func Check(l plan.Location) error {
	t := l.Target
	switch {
	case l.Host != "_" && (len(l.Host) > 253 || !hostForm.MatchString(l.Host)):
		return fmt.Errorf("host %q is no host name", l.Host)
	case l.Host == generationHost:
		return fmt.Errorf("host %q is havn's own", l.Host)
	case !pathForm.MatchString(l.Path):
		return fmt.Errorf("path %q: want / and the characters of a URL path", l.Path)
	case !matchable(l.Path):
		return fmt.Errorf("path %q: no request has it, since //, ., .. and %%2F are resolved before paths are compared", l.Path)
	case t.Rewrite != "" && !pathForm.MatchString(t.Rewrite):
		return fmt.Errorf("rewrite %q: want / and the characters of a URL path", t.Rewrite)
	}
	if t.Redirect != nil {
		if err := checkRedirect(*t.Redirect); err != nil {
			return err
		}
	}
	return checkHeaders(t.Options.Headers)
}

// matchable: nginx compares locations with the decoded path of a request, without
// empty and dot segments.
func matchable(p string) bool {
	plain, err := url.PathUnescape(p)
	if err != nil || strings.Count(plain, "/") != strings.Count(p, "/") {
		return false
	}
	clean := path.Clean(plain)
	return plain == clean || plain == clean+"/"
}

// decoded is the path as nginx compares it. The path is matchable.
func decoded(p string) string {
	plain, err := url.PathUnescape(p)
	if err != nil {
		return p
	}
	return plain
}

func checkRedirect(r spec.Redirect) error {
	if r.To == "" || !targetForm.MatchString(r.To) {
		return fmt.Errorf("redirect to %q: want a path, or http(s)://HOST/PATH", r.To)
	}
	if r.Keep && strings.ContainsAny(r.To, "?#") {
		return fmt.Errorf("redirect to %q: the rest of the request can't be appended to a query or a fragment", r.To)
	}
	switch r.Code {
	case 301, 302, 303, 307, 308:
		return nil
	}
	return fmt.Errorf("redirect code %d: want 301, 302, 303, 307 or 308", r.Code)
}

// maxHeaderName fits the buckets of nginx's hash of headers.
const maxHeaderName = 128

func checkHeaders(h spec.Headers) error {
	if err := checkHeaderSet(h.Request); err != nil {
		return err
	}
	// These two nginx writes itself, and would write twice.
	return checkHeaderSet(h.Response, "server", "date")
}

func checkHeaderSet(set map[string]string, forbidden ...string) error {
	names := map[string]bool{}
	for name, value := range set {
		lower := strings.ToLower(name)
		switch {
		case len(name) > maxHeaderName || !headerForm.MatchString(name):
			return fmt.Errorf("header name %q: want up to %d letters, digits and -", name, maxHeaderName)
		case spec.Framing(name) || slices.Contains(forbidden, lower):
			return fmt.Errorf("header %s belongs to the connection and can't be set", name)
		case names[lower]:
			return fmt.Errorf("header %s is set twice", name)
		}
		names[lower] = true
		if _, err := quote(value); err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
	}
	return nil
}

// claim notes the location block that l needs, which no other may have.
func claim(l plan.Location, taken map[string]string) error {
	at := decoded(l.Path)
	block := l.Host + " =" + at
	if !l.Exact {
		block = l.Host + " " + strings.TrimSuffix(at, "/") + "/"
	}
	if other, is := taken[block]; is {
		return fmt.Errorf("route %s: %s%s is taken by route %s", l.Route, l.Host, l.Path, other)
	}
	taken[block] = l.Route
	return nil
}

// checkTable refuses a table with a location that can't be written, or two that
// take the same requests.
func checkTable(t plan.Table) error {
	taken := map[string]string{}
	for _, l := range t.Locations {
		if err := Check(l); err != nil {
			return fmt.Errorf("route %s: %w", l.Route, err)
		}
		if err := claim(l, taken); err != nil {
			return err
		}
	}
	return nil
}
