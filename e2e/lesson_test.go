//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A lesson is one step of the tutorial in the README.
type lesson struct {
	line int
	// place is where the commands are typed: laptop or vps.
	place    string
	commands string
	// shown is what the tutorial says that the last command prints.
	shown []string
	// act is what a person does in a browser, in place of commands.
	act string
}

func (l lesson) String() string { return fmt.Sprintf("README.md:%d", l.line) }

const tutorialHeading = "## A tutorial"

var (
	fence = regexp.MustCompile("^```(.*)$")
	aside = regexp.MustCompile(`^<!-- test: (.*) -->$`)
)

// lessons reads the tutorial: blocks of "sh PLACE", each with or without a block
// of text after it, and asides to the test.
func lessons(t *testing.T) []lesson {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []lesson
	inside, block, start := false, "", 0
	var body []string
	for i, line := range strings.Split(string(text), "\n") {
		switch m := fence.FindStringSubmatch(line); {
		case strings.HasPrefix(line, "## "):
			inside = strings.HasPrefix(line, tutorialHeading)
		case !inside:
		case m != nil && start == 0:
			block, start, body = m[1], i+1, nil
		case m != nil:
			out, start = closeBlock(t, out, lesson{line: start}, block, body), 0
		case start != 0:
			body = append(body, line)
		default:
			if a := aside.FindStringSubmatch(line); a != nil {
				out = append(out, lesson{line: i + 1, act: a[1]})
			}
		}
	}
	if len(out) == 0 {
		t.Fatalf("README.md has no %q with blocks", tutorialHeading)
	}
	return out
}

// closeBlock adds what a block says.
func closeBlock(t *testing.T, out []lesson, l lesson, block string, body []string) []lesson {
	t.Helper()
	switch block {
	case "sh laptop", "sh vps":
		l.place, l.commands = strings.TrimPrefix(block, "sh "), strings.Join(body, "\n")
		return append(out, l)
	case "text":
		if len(out) > 0 && out[len(out)-1].commands != "" && out[len(out)-1].shown == nil {
			out[len(out)-1].shown = body
			return out
		}
	}
	t.Fatalf("%s: a block of %q, want \"sh laptop\", \"sh vps\", or \"text\" after one of them", l, block)
	return nil
}

// changing is what differs from one run to the next, and what it is written as.
var changing = []struct {
	form *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`ssh-ed25519 AAAA\S+`), "ssh-ed25519 KEY"},
	{regexp.MustCompile(`SHA256:[A-Za-z0-9+/]{43}`), "SHA256:FINGERPRINT"},
	{regexp.MustCompile(`\b[0-9a-f]{7,40}\b`), "ID"},
	{regexp.MustCompile(`\b10\.\d+\.\d+\.\d+\b`), "ADDRESS"},
	{regexp.MustCompile(`\bpid \d+`), "pid N"},
	{regexp.MustCompile(`\bnginx \d+\.\d+\.\d+`), "nginx VERSION"},
	{regexp.MustCompile(`\bgeneration \d+`), "generation N"},
	{regexp.MustCompile(`\b(just now|(\d+(ms|s|m|h|d))+ ago|\d+ (second|minute)s? ago)\b`), "AGO"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?`), "TIME"},
}

func settled(line string) string {
	for _, c := range changing {
		line = c.form.ReplaceAllString(line, c.as)
	}
	return strings.Join(strings.Fields(line), " ")
}

// fits: the output is as shown, but for what changes from run to run. A shown line
// of "..." stands for any lines.
func fits(shown []string, output string) bool {
	return fit(shown, strings.Split(strings.TrimRight(output, "\n"), "\n"))
}

func fit(shown, lines []string) bool {
	if len(shown) == 0 {
		return len(lines) == 0
	}
	if strings.TrimSpace(shown[0]) == "..." {
		return fit(shown[1:], lines) || len(lines) > 0 && fit(shown, lines[1:])
	}
	return len(lines) > 0 && settled(shown[0]) == settled(lines[0]) && fit(shown[1:], lines[1:])
}
