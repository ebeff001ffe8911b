package notice

import (
	"slices"
	"strings"
	"time"

	"havn.internal/gitops/secret"
)

// A Severity says how much an event matters.
type Severity string

const (
	Info    Severity = "info"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// severities are in rising order.
var severities = []Severity{Info, Warning, Error}

func (s Severity) rank() int { return slices.Index(severities, s) }

// An Event is something that people are told.
type Event struct {
	At time.Time `json:"at"`
	// Kind is what happened, in a word such as rollout.failed.
	Kind     string   `json:"kind"`
	Severity Severity `json:"severity"`
	// Service is the one that it happened to, empty for the host.
	Service  string `json:"service,omitempty"`
	Revision string `json:"revision,omitempty"`
	// Title says it in a sentence, Detail says more.
	Title  string `json:"title"`
	Detail string `json:"detail,omitempty"`
	Link   string `json:"link,omitempty"`
	// Over: what was wrong with the service is over. The same trouble is then news
	// again.
	Over bool `json:"over,omitempty"`
	// Ends is how bad it was: who was told of the trouble is told of its end.
	Ends Severity `json:"ends,omitempty"`
}

// The longest texts of an event, in characters.
const (
	longestWord   = 200
	longestDetail = 2000
)

// same: the two events are the same news. The detail does not count: it may hold
// times and numbers.
func (e Event) same(o Event) bool {
	return e.Title == o.Title && e.Kind == o.Kind && e.Severity == o.Severity && e.Service == o.Service && e.Revision == o.Revision
}

// clean is the event without secrets, and of a bounded size.
func (e Event) clean(known []string) Event {
	for _, word := range []*string{&e.Kind, &e.Service, &e.Revision, &e.Title} {
		*word = cut(secret.Scrub(*word, known...), longestWord)
	}
	e.Detail = cut(secret.Scrub(e.Detail, known...), longestDetail)
	// Half a link is none.
	if link := cut(secret.Scrub(e.Link, known...), longestDetail); link != e.Link {
		e.Link = ""
	}
	if e.Severity.rank() < 0 {
		e.Severity = Error
	}
	return e
}

// cut bounds the characters of a text, and leaves out those that can't be seen.
func cut(text string, most int) string {
	text = visible(strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
