package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A visible writer is the edge at which text leaves for a terminal: what containers,
// probes, remotes and authors of commits have written may hold escape sequences, which a
// terminal acts on. Each is written out as \u001b is, in text as in JSON.
type visible struct{ io.Writer }

func (v visible) Write(p []byte) (int, error) {
	text := printable(string(p))
	if _, err := io.WriteString(v.Writer, text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// raw is the writer behind, for what goes out as it came: the logs of containers.
func raw(w io.Writer) io.Writer {
	if v, is := w.(visible); is {
		return v.Writer
	}
	return w
}

// printable is text without what a terminal acts on: control characters other than line
// ends and tabs, and those that turn the direction of writing.
func printable(text string) string {
	if strings.IndexFunc(text, acts) < 0 && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\u%04x`, text[i])
		case acts(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func acts(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
}
