package main

import (
	"strings"
	"testing"
	"time"

	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Whatever a plan quotes, it stays text: no markup, no mention of people, no end of
// the part it stands in.
func TestMarkdownQuotesWhatItIsGiven(t *testing.T) {
	bad := "</details><img src=x>\n```\n# big @all [x](http://x) | a | b"
	road := model.Road{
		Hash: "h",
		Changes: []model.Change{{
			Service: "web", Kind: model.Updated, Strategy: spec.Recreate, Downtime: true, OutageWhy: bad,
			Fields: []plan.Change{{Field: "env." + bad, Old: bad, New: "```` " + bad}},
		}, {Route: "r", Where: "x/|`y`", Kind: model.Created}},
		Steps:   []model.Step{{Service: "web", Act: "stop x", Why: bad}},
		Blocked: []plan.Blocked{{Service: "web", Why: bad}},
	}
	var b strings.Builder
	if err := printMarkdown(&b, road, "host "+bad, []string{bad}); err != nil {
		t.Fatal(err)
	}
	fence, folded := "", 0
	for line := range strings.Lines(b.String()) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case fence != "":
			if strings.HasPrefix(line, fence) {
				fence = ""
			}
			continue
		case strings.HasPrefix(line, "```"):
			fence = strings.TrimSuffix(line, "text")
			continue
		case strings.HasPrefix(line, "<details><summary>"):
			folded++
		case line == "</details>":
			folded--
		case strings.ContainsAny(line, "<>@") || strings.HasPrefix(line, "# "):
			t.Errorf("markup: %s", line)
		case strings.HasPrefix(line, "|") && strings.Count(line, "|")-strings.Count(line, `\|`) != 5:
			t.Errorf("the table has another cell: %s", line)
		}
	}
	if fence != "" || folded != 0 {
		t.Errorf("a part does not end:\n%s", b.String())
	}
}

// A comment has its bound, however long the plan is.
func TestMarkdownIsBounded(t *testing.T) {
	road := model.Road{Hash: "h"}
	for range 5000 {
		road.Changes = append(road.Changes, model.Change{Service: "service", Kind: model.Updated, Fields: []plan.Change{{Field: "env.X", Old: "1", New: "2"}}})
		road.Steps = append(road.Steps, model.Step{Service: "service", Act: "start x", Why: "because"})
	}
	var b strings.Builder
	if err := printMarkdown(&b, road, "", nil); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 64<<10 || !strings.Contains(b.String(), "more") {
		t.Errorf("%d bytes", b.Len())
	}
}

func TestHowLongAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "just now", 90 * time.Second: "1 minute ago", 3*time.Hour + time.Minute: "3 hours ago", 50 * time.Hour: "2 days ago",
	} {
		if got := past(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
