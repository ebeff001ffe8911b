package spec

import (
	"regexp"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
)

// anExample is a struct that a definition's comment shows: "A route such as {...}".
var anExample = regexp.MustCompile(`(?:such as |or |source: )(\{.*?\}+)(?:\.|,| or |;|$)`)

// TestExamplesOfTheSchema: what the comment of a definition shows is of the definition.
func TestExamplesOfTheSchema(t *testing.T) {
	shapes, seen := schemaShapes(), 0
	for _, name := range sortedKeys(shapes) {
		s := shapes[name]
		for _, m := range anExample.FindAllStringSubmatch(s.noun, -1) {
			seen++
			v := cuecontext.New().CompileString(m[1])
			c := &conformer{}
			if c.check(s, v, []string{name}); len(c.mistakes) > 0 || v.Validate(cue.Concrete(true)) != nil {
				t.Errorf("%s shows %s: %v, %v", name, m[1], c.mistakes, v.Validate(cue.Concrete(true)))
			}
		}
	}
	if seen < 12 {
		t.Errorf("%d examples have been found", seen)
	}
	text := "package site\n"
	for _, line := range regexp.MustCompile(`(?m)^//\t(.+)$`).FindAllStringSubmatch(string(schemaFiles()["v1/common.cue"]), -1) {
		text += line[1] + "\n"
	}
	if _, err := Evaluate(snapshotOf(map[string]string{"a.cue": text})); err != nil || len(text) < 100 {
		t.Errorf("the schema's own example:\n%s\n%v", text, err)
	}
}
