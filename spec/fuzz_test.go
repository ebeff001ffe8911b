package spec

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cuelang.org/go/cue"
)

// FuzzEvaluate: no file makes an evaluation panic, and every problem is one line.
func FuzzEvaluate(f *testing.F) {
	for _, text := range []string{
		"package site\n", "package site\nservices: a: image: \"a\"\n", "package", "a: b: c", "package site\nservices: 5",
		"package site\nroutes: a: {hosts: [\"a\"], paths: \"/\": {}}\nservices: [_]\n", "package site\nimport \"x\"\n", "\x00", "@if(a)\npackage site\n",
		"package site\nservices: a: {image: *\"a\" | \"b\", env: [string]: int}\n", "package site\nservices: [string]: image: x\nlet x = 1\n",
		"package site\n_x: {a: _x}\nservices: _x\n", "package site\nservices: a: b: c\n", "package site\nclose({services: {}})\n", "package site\n5\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 200 || strings.ContainsAny(string(text), "*|") && len(text) > 100 || strings.Contains(string(text), "for") {
			return // what costs much is the child's to stop
		}
		_, err := Evaluate(Snapshot{Files: map[string][]byte{"a.cue": text, "b.cue": []byte(fine)}})
		if err == nil {
			return
		}
		for _, p := range err.(Problems) {
			if strings.Contains(p.String(), "\n") || p.What+p.Expected == "" || utf8.ValidString(string(text)) && !utf8.ValidString(p.String()) {
				t.Errorf("%q gives %q", text, p.String())
			}
		}
	})
}

// FuzzUnits: whatever the schema lets pass as a size or a time is read, or refused,
// without a panic, and never negative.
func FuzzUnits(f *testing.F) {
	for _, text := range []string{"", "0", "64k", "8M", "1g", "999999999g", "k", "-1", "1m30s", "10s", "1.5h", "999999999h999999999h", "1", "ms", "\"", "1 g"} {
		f.Add(text)
	}
	shapes := schemaShapes()
	f.Fuzz(func(t *testing.T, text string) {
		n, err := bytesOf(text)
		if err == nil && n < 0 {
			t.Errorf("%q is %d bytes", text, n)
		}
		d := datum{kind: cue.StringKind, str: text}
		if shapes["#Size"].accepts(d) && err != nil {
			t.Errorf("the schema lets %q pass: %v", text, err)
		}
		if span, err := time.ParseDuration(text); shapes["#Duration"].accepts(d) && (err != nil || span < 0) {
			t.Errorf("the schema lets %q pass: %s, %v", text, span, err)
		}
	})
}
