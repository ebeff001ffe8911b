package git

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A Commit is what a commit says of itself. Anybody can write anything into it.
type Commit struct {
	ID      string
	Author  string
	Subject string
	// Time is when it was committed, by the committer's clock.
	Time time.Time
	// Signatures are its signature headers; an honest commit has one or none.
	Signatures []string
}

// Read reads a commit of the mirror.
func (m *Mirror) Read(ctx context.Context, id string) (Commit, error) {
	if !IsID(id) {
		return Commit{}, fmt.Errorf("%q is no commit id", id)
	}
	out, err := m.output(ctx, call{args: []string{"cat-file", "commit", id}})
	if err != nil {
		return Commit{}, err
	}
	return ParseCommit(id, out), nil
}

// ParseCommit reads the text of a commit.
func ParseCommit(id string, text []byte) Commit {
	c := Commit{ID: id}
	head, message, _ := bytes.Cut(text, []byte("\n\n"))
	signing := false
	for line := range strings.SplitSeq(string(head), "\n") {
		if rest, ok := strings.CutPrefix(line, " "); ok {
			if signing {
				c.Signatures[len(c.Signatures)-1] += "\n" + rest
			}
			continue
		}
		name, value, _ := strings.Cut(line, " ")
		signing = name == "gpgsig" || name == "gpgsig-sha256"
		switch {
		case signing:
			c.Signatures = append(c.Signatures, value)
		case name == "author":
			c.Author, _, _ = strings.Cut(value, " <")
			c.Author = printable(c.Author, 100)
		case name == "committer":
			c.Time = commitTime(value)
		}
	}
	subject, _, _ := strings.Cut(strings.TrimLeft(string(message), "\n"), "\n")
	c.Subject = printable(subject, 200)
	return c
}

// commitTime is the time at the end of a committer line.
func commitTime(value string) time.Time {
	_, rest, ok := strings.Cut(value, "> ")
	if !ok {
		return time.Time{}
	}
	seconds, _, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// printable is the text without what a terminal or a page would act on.
func printable(text string, most int) string {
	text = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, text)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return strings.TrimSpace(text)
}
