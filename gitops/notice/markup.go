package notice

import (
	"regexp"
	"strings"
	"unicode"
)

// unbroken is a space without a width: it parts what would mean something together.
const unbroken = "\u200b"

// chats read markup: Slack its own (mrkdwn), and Mattermost, Rocket.Chat and Discord,
// which take the same webhooks, Markdown. None has a way to escape that all know, so
// what would be markup is written with signs that look alike, or parted.
var chats = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;",
	"@", "@"+unbroken, "`", "'", "*", "∗", "~", "∼", "|", "∣",
	"](", "] (", "][", "] [", "]:", "] :",
)

var (
	heading   = regexp.MustCompile(`(?m)^(\s*)#`)
	underline = regexp.MustCompile(`\b_+|_+\b`)
)

// inert is text that no chat makes anything of.
func inert(text string) string {
	text = heading.ReplaceAllString(chats.Replace(text), "${1}"+unbroken+"#")
	return underline.ReplaceAllStringFunc(text, func(s string) string { return unbroken + s + unbroken })
}

// visible is text without what acts on a terminal, or hides or turns what stands beside
// it: control characters but for the line end, and those that only format.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)
}
