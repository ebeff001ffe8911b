package tidings

import (
	"regexp"
	"strings"
)

// Statuses of commits may be public, and chats are read by many. So no word of a program,
// a registry, Docker or git is told: only what havn says itself. `havn status` says the rest.

// verdicts are the reasons that are havn's own to their end.
var verdicts = regexp.MustCompile(`^[a-z0-9-]+-[0-9a-f]{8}-[0-9]+ (?:was not ready within |is unhealthy after it was routed: |exited with code [0-9]+|ran out of its memory limit)`)

var (
	// gitCall is what git was asked; gitops puts the answer into words of its own.
	gitCall     = regexp.MustCompile(`^git [a-z-]+: `)
	failedTimes = regexp.MustCompile(`\(failed [0-9]+ times?\)$`)
	address     = regexp.MustCompile(`(?: at)? \b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]+)?\b`)
)

const elsewhere = "; `havn status` on the host says more"

// own is the part of a reason that is havn's: what follows the first colon is what
// something else said.
func own(why string) string {
	if verdicts.MatchString(why) {
		return address.ReplaceAllString(why, "")
	}
	call := gitCall.FindString(why)
	text, rest, cut := strings.Cut(why[len(call):], ": ")
	text = call + address.ReplaceAllString(text, "")
	if !cut {
		return text
	}
	if tries := failedTimes.FindString(rest); tries != "" {
		text += " " + strings.Trim(tries, "()")
	}
	return text + elsewhere
}
