package plan

import (
	"slices"
	"strings"
)

const (
	// mostCells bounds the work of a comparison; larger texts count as replaced whole
	// between their common beginning and end.
	mostCells = 4 << 20
	// around is how many unchanged lines are shown beside changed ones, mostText how many
	// lines are shown in all.
	around   = 2
	mostText = 200
)

// Explain says of each file among the changes how many of its lines are new and how many
// are gone and, if values are shown, which. content is what a digest stands for, if that is known.
func Explain(changes []Change, content func(sha256 string) (string, bool), v Values) {
	for i, c := range changes {
		if c.from == "" || c.to == "" {
			continue
		}
		old, known := content(c.from)
		now, too := content(c.to)
		if !known || !too {
			continue
		}
		text, counted := difference(strings.Split(old, "\n"), strings.Split(now, "\n"))
		changes[i].Lines = &counted
		if v == ShowValues {
			changes[i].Text = text
		}
	}
}

// difference compares two texts by line: what is shown of it, and the count of all.
func difference(a, b []string) (shown []string, n Lines) {
	begin := 0
	for begin < len(a) && begin < len(b) && a[begin] == b[begin] {
		begin++
	}
	end := 0
	for end < len(a)-begin && end < len(b)-begin && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	marked := mark(nil, ' ', a[:begin])
	marked = append(marked, edits(a[begin:len(a)-end], b[begin:len(b)-end])...)
	marked = mark(marked, ' ', a[len(a)-end:])
	for _, line := range marked {
		switch line[0] {
		case '+':
			n.Added++
		case '-':
			n.Removed++
		}
	}
	return excerpts(marked), n
}

// edits are the lines of both texts, marked: a longest common subsequence stays.
func edits(a, b []string) []string {
	if len(a)*len(b) > mostCells {
		return mark(mark(nil, '-', a), '+', b)
	}
	// longest[i][j] is the length of the longest common subsequence of a[i:] and b[j:].
	longest := make([][]int, len(a)+1)
	for i := range longest {
		longest[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	var out []string
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			out = append(out, " "+a[i])
			i, j = i+1, j+1
		case longest[i+1][j] >= longest[i][j+1]:
			out = append(out, "-"+a[i])
			i++
		default:
			out = append(out, "+"+b[j])
			j++
		}
	}
	return mark(mark(out, '-', a[i:]), '+', b[j:])
}

func mark(out []string, sign byte, lines []string) []string {
	for _, l := range lines {
		out = append(out, string(sign)+l)
	}
	return out
}

// excerpts leaves out what is far from every change.
func excerpts(marked []string) []string {
	changed := func(i int) bool { return i >= 0 && i < len(marked) && marked[i][0] != ' ' }
	var out []string
	gap := false
	for i, line := range marked {
		near := false
		for d := -around; d <= around; d++ {
			near = near || changed(i+d)
		}
		switch {
		case !near:
			gap = true
			continue
		case len(out) >= mostText:
			return append(out, "...")
		case gap && len(out) > 0:
			out = append(out, "...")
		}
		gap = false
		out = append(out, line)
	}
	return slices.Clip(out)
}
