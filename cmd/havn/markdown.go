package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"havn.internal/reconciler/model"
	"havn.internal/spec"
)

// mostMarkdown bounds each part of what is printed: a comment on a forge may have
// 64 KiB.
const mostMarkdown = 18 << 10

// printMarkdown prints a road for a pull request. What the plan is for, if that is
// not this host, is in its heading.
func printMarkdown(w io.Writer, r model.Road, asOf string, standing []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### havn plan: %s\n\n", summary(r))
	if asOf != "" {
		fmt.Fprintf(&b, "For %s.\n\n", plainText(asOf))
	}
	for _, line := range standing {
		fmt.Fprintf(&b, "- **held** %s\n", plainText(line))
	}
	for _, k := range r.Blocked {
		fmt.Fprintf(&b, "- **blocked** %s\n", plainText(strings.TrimPrefix(blockedOn(k)+": "+k.Why, ": ")))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "- **note** %s\n", plainText(n.String()))
	}
	if len(standing)+len(r.Blocked)+len(r.Notes) > 0 {
		b.WriteString("\n")
	}
	writeTable(&b, r.Changes)
	var fields, road strings.Builder
	printMachine(&fields, r)
	for _, c := range r.Changes {
		if len(c.Fields) > 0 {
			printChange(&fields, c)
		}
	}
	writeDetails(&b, "What changes, field by field", fields.String())
	printSteps(&road, append(slices.Clone(r.Steps), r.Cleanup...))
	writeDetails(&b, fmt.Sprintf("The road: %s, about %s", spec.Count(len(r.Steps), "step"), r.Took.Std().Round(100*time.Millisecond)), road.String())
	if r.Pending() {
		fmt.Fprintf(&b, "Plan `%s`; `havn apply DIR --expect %s` on the host goes on only if it still holds.\n", r.Hash, r.Hash)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// summary is the plan in a few words.
func summary(r model.Road) string {
	if !r.Pending() {
		return "nothing to do"
	}
	var down []string
	for _, c := range r.Changes {
		if c.Downtime {
			down = append(down, c.Service)
		}
	}
	text := spec.Count(len(r.Changes), "change")
	switch {
	case len(down) > 0:
		text += ", downtime of " + strings.Join(down, ", ")
	case len(r.Changes) > 0:
		text += ", no downtime"
	}
	if !r.Converges {
		text += "; it does not come to an end"
	}
	return text
}

func writeTable(b *strings.Builder, changes []model.Change) {
	if len(changes) == 0 {
		return
	}
	b.WriteString("| | what | change | downtime |\n|---|---|---|---|\n")
	begin := b.Len()
	for i, c := range changes {
		if b.Len()-begin > mostMarkdown {
			fmt.Fprintf(b, "| | and %d more | | |\n", len(changes)-i)
			break
		}
		kind, names := string(c.Kind), make([]string, len(c.Fields))
		if c.Strategy != "" {
			kind += " (" + string(c.Strategy) + ")"
		}
		for i, f := range c.Fields {
			names[i] = f.Field
		}
		if len(names) > 0 {
			kind += ": " + strings.Join(names[:min(len(names), 6)], ", ")
		}
		downtime := ""
		switch {
		case c.Downtime:
			downtime = fmt.Sprintf("**%s**: %s", outage("about", c), plainText(c.OutageWhy))
		case c.Service != "" && c.Kind != model.Created && c.Kind != model.Removed:
			downtime = "none"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", signOf(c), plainText(subject(c)), plainText(kind), downtime)
	}
	b.WriteString("\n")
}

// writeDetails writes a part that is folded away, as it is.
func writeDetails(b *strings.Builder, title, text string) {
	if text == "" {
		return
	}
	if len(text) > mostMarkdown {
		cut := strings.LastIndexByte(text[:mostMarkdown], '\n') + 1
		text = text[:cut] + "... (cut; `havn plan` has the rest)\n"
	}
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	fmt.Fprintf(b, "<details><summary>%s</summary>\n\n%stext\n%s%s\n\n</details>\n\n", title, fence, text, fence)
}

// plain is what Markdown, HTML and forges would make something of.
var plain = strings.NewReplacer(
	"\n", " ", "\r", " ", `\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "@", "&#64;", "#", `\#`, "~", `\~`, "!", `\!`,
)

// plainText is text that stays as it is in a line of Markdown.
func plainText(text string) string { return plain.Replace(text) }
