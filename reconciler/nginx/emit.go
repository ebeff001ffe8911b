package nginx

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// An arg is one argument of a directive. Its types are the only ways to write
// something into the configuration.
type arg interface{ emit() (string, error) }

// raw is text of this package's own: keywords and nginx variables. It is never
// made from a value of the spec.
type raw string

func (r raw) emit() (string, error) { return string(r), nil }

// text is any value of the spec. It is always quoted.
type text string

func (t text) emit() (string, error) { return quote(string(t)) }

// size is a number of bytes (nginx: "Configuration file measurement units").
type size int64

func (s size) emit() (string, error) {
	if s < 0 {
		return "", fmt.Errorf("size %d is negative", s)
	}
	return strconv.FormatInt(int64(s), 10), nil
}

// duration is written in milliseconds, nginx's finest unit.
type duration time.Duration

func (d duration) emit() (string, error) {
	if d < 0 {
		return "", fmt.Errorf("time %s is negative", time.Duration(d))
	}
	return strconv.FormatInt(time.Duration(d).Milliseconds(), 10) + "ms", nil
}

type address netip.AddrPort

func (a address) emit() (string, error) {
	if p := netip.AddrPort(a); p.IsValid() && p.Port() != 0 {
		return p.String(), nil
	}
	return "", fmt.Errorf("%s is no address", netip.AddrPort(a))
}

type number int

func (n number) emit() (string, error) { return strconv.Itoa(int(n)), nil }

// maxToken is half of NGX_CONF_BUFFER (4096), which one token must fit in as it is
// written: with every character escaped, and the quotes.
const maxToken = 2000

// quote makes s one token of nginx's configuration that means s. There is no way
// to write a dollar sign that nginx does not expand, nor a control character that
// a log or a header could carry safely, so both are refused.
func quote(s string) (string, error) {
	if len(s) > maxToken {
		return "", fmt.Errorf("value of %d bytes: at most %d", len(s), maxToken)
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		switch {
		case c < 0x20 || c == 0x7f:
			return "", fmt.Errorf("value %q: control characters are not allowed", s)
		case c == '$':
			return "", fmt.Errorf("value %q: \"$\" is not allowed, nginx would expand it", s)
		case c == '"' || c == '\\':
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String(), nil
}

// An emitter writes directives. Its first error stays and makes the rest no-ops.
type emitter struct {
	b      strings.Builder
	indent int
	err    error
}

// dir writes one directive.
func (e *emitter) dir(name string, args ...arg) { e.line(name, ";", args) }

// block writes a directive with a body.
func (e *emitter) block(body func(), name string, args ...arg) {
	e.line(name, " {", args)
	e.indent++
	body()
	e.indent--
	e.line("}", "", nil)
}

func (e *emitter) line(name, end string, args []arg) {
	if e.err != nil {
		return
	}
	e.b.WriteString(strings.Repeat("\t", e.indent) + name)
	for _, a := range args {
		s, err := a.emit()
		if err != nil {
			e.err = fmt.Errorf("%s: %w", name, err)
			return
		}
		e.b.WriteString(" " + s)
	}
	e.b.WriteString(end + "\n")
}
