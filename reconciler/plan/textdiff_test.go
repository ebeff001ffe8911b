package plan

import (
	"slices"
	"strings"
	"testing"
)

func TestTextDifference(t *testing.T) {
	numbers := strings.Split("1 2 3 4 5 6 7 8 9 10 11 12", " ")
	changed := slices.Clone(numbers)
	changed[2], changed[10] = "three", "eleven"
	shown, n := difference(numbers, slices.Insert(changed, 5, "new"))
	const want = " 1| 2|-3|+three| 4| 5|+new| 6| 7|...| 9| 10|-11|+eleven| 12"
	if got := strings.Join(shown, "|"); got != want || n != (Lines{Added: 3, Removed: 2}) {
		t.Errorf("got %s, %+v\nwant %s", got, n, want)
	}
	if shown, n := difference(numbers, numbers); len(shown) != 0 || n != (Lines{}) {
		t.Errorf("equal texts differ in %q, %+v", shown, n)
	}
	long := slices.Repeat([]string{"a"}, 5000)
	other := slices.Repeat([]string{"b"}, 5000)
	if shown, n := difference(long, other); n != (Lines{5000, 5000}) || len(shown) != mostText+1 {
		t.Errorf("%d lines are shown of %+v", len(shown), n)
	}
}

// Without values, a file's change is counted and not shown.
func TestExplainFiles(t *testing.T) {
	contents := map[string]string{"a": "x\ny\n", "b": "x\nhush\n"}
	content := func(digest string) (string, bool) { text, known := contents[digest]; return text, known }
	for v, want := range map[Values]string{HideValues: "", ShowValues: " x|-y|+hush| "} {
		changes := []Change{{Field: "files./f", Hidden: true, from: "a", to: "b"}, {Field: "files./g", Hidden: true, from: "a", to: "c"}}
		Explain(changes, content, v)
		if got := strings.Join(changes[0].Text, "|"); got != want || changes[0].String() != "files./f changed (+1 -1 lines)" {
			t.Errorf("values %v: %q, %s", v, got, changes[0])
		}
		if changes[1].Lines != nil || changes[1].Text != nil {
			t.Errorf("of an unknown content there is %+v", changes[1])
		}
	}
}
