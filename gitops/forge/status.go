package forge

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"havn.internal/gitops/secret"
)

// A State is what became of a commit.
type State string

const (
	Pending State = "pending"
	Success State = "success"
	Failure State = "failure"
	// Overtaken is a commit that was given up for a newer one before it was reached. At
	// GitHub and Gitea it is an error, as of a build that is cancelled.
	Overtaken State = "overtaken"
)

var states = []State{Pending, Success, Failure, Overtaken}

// A Status is what is said about a commit.
type Status struct {
	Commit string
	State  State
	// Context tells this host's statuses from those of others, such as havn/web1.
	Context string
	// Service is the one that State is about, empty for all.
	Service string
	// Reason is why, in a sentence.
	Reason string
	// Link is where more is to be seen; it may be empty.
	Link string
}

// The longest texts that forges take, in characters.
const (
	longestAtGitHub = 140
	longestOf       = 255
)

var commitID = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

// check refuses what no forge takes.
func (s Status) check() error {
	switch {
	case !commitID.MatchString(s.Commit):
		return errors.New("forge: a status is for a whole commit id")
	case !slices.Contains(states, s.State):
		return errors.New("forge: a status is pending, success, failure or overtaken")
	case s.Context == "":
		return errors.New("forge: a status has a context")
	}
	return nil
}

// description is the service and the reason on one line that the forge takes.
// Statuses of public repositories are public.
func (s Status) description(kind Kind, known ...string) string {
	text := s.Reason
	if s.Service != "" {
		text = strings.TrimSuffix(s.Service+": "+text, ": ")
	}
	most := longestOf
	if kind == GitHub {
		most = longestAtGitHub
	}
	return cut(secret.Scrub(text, known...), most)
}

// link is the target URL, empty if the forge would not take it or it would show a
// secret.
func (s Status) link(known ...string) string {
	u, err := url.Parse(s.Link)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" ||
		len(s.Link) > longestOf || secret.Scrub(s.Link, known...) != s.Link {
		return ""
	}
	return s.Link
}

// cut puts text on one line of at most so many characters.
func cut(text string, most int) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, text)
	runes := []rune(strings.Join(strings.Fields(clean), " "))
	if len(runes) > most {
		runes = append(runes[:most-1], '…')
	}
	return string(runes)
}
