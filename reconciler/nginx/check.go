package nginx

import (
	"fmt"
	"regexp"
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

// checkLocation refuses a location with a value that is not of its class.
func checkLocation(l plan.Location) error {
	t := l.Target
	switch {
	case l.Host != "_" && (len(l.Host) > 253 || !hostForm.MatchString(l.Host)):
		return fmt.Errorf("host %q is no host name", l.Host)
	case !pathForm.MatchString(l.Path):
		return fmt.Errorf("path %q: want / and the characters of a URL path", l.Path)
	case t.Rewrite != "" && !pathForm.MatchString(t.Rewrite):
		return fmt.Errorf("rewrite %q: want / and the characters of a URL path", t.Rewrite)
	}
	if t.Redirect != nil {
		return checkRedirect(*t.Redirect)
	}
	return checkHeaders(t.Options.Headers)
}

func checkRedirect(r spec.Redirect) error {
	if r.To == "" || !targetForm.MatchString(r.To) {
		return fmt.Errorf("redirect to %q: want a path, or http(s)://HOST/PATH", r.To)
	}
	switch r.Code {
	case 301, 302, 303, 307, 308:
		return nil
	}
	return fmt.Errorf("redirect code %d: want 301, 302, 303, 307 or 308", r.Code)
}

// framing are the headers that delimit messages and connections. To set them is
// to break or smuggle requests (RFC 9112, 6 and 9.6).
var framing = []string{"connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "keep-alive"}

func checkHeaders(h spec.Headers) error {
	for _, set := range []map[string]string{h.Request, h.Response} {
		for name, value := range set {
			if !headerForm.MatchString(name) {
				return fmt.Errorf("header name %q: want letters, digits and -", name)
			}
			for _, f := range framing {
				if strings.EqualFold(name, f) {
					return fmt.Errorf("header %s belongs to the connection and can't be set", name)
				}
			}
			if _, err := quote(value); err != nil {
				return fmt.Errorf("header %s: %w", name, err)
			}
		}
	}
	return nil
}
