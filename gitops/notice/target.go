package notice

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"havn.internal/gitops/secret"
)

// A Kind is what a target speaks.
type Kind string

const (
	// Slack is also Mattermost, Rocket.Chat, and Discord with /slack at the end.
	Slack   Kind = "slack"
	Matrix  Kind = "matrix"
	Ntfy    Kind = "ntfy"
	Webhook Kind = "webhook"
)

// A Target is told of events.
type Target struct {
	// Name identifies it, also over restarts.
	Name string
	Kind Kind
	// Address is the file of the URL: of the webhook, of the homeserver, or of the
	// topic. For most of them it is a secret.
	Address secret.File
	// Token is the file of the access token of Matrix, and of ntfy where it has one.
	Token secret.File
	// Secrets is the file of what a webhook is signed with, two while it is changed.
	Secrets secret.File
	// Room is the id of a Matrix room.
	Room string
	// Least is the severity from which events are sent; empty is all.
	Least Severity
	// Services are those whose events are sent, all if there are none. Events of the
	// host are sent in any case.
	Services []string
	// Template is a text/template for the text; empty is the usual one.
	Template string
}

// Check refuses a target that could never be sent to. It reads no file.
func (t Target) Check() error {
	_, err := t.check()
	return err
}

// check refuses a target that could never be sent to, and returns its template.
func (t Target) check() (*template.Template, error) {
	need := map[string]bool{}
	switch t.Kind {
	case Slack, Ntfy:
	case Matrix:
		need["token"] = t.Token == ""
		if !strings.HasPrefix(t.Room, "!") {
			return nil, errors.New("room: the id of a Matrix room begins with !; an alias is not one")
		}
	case Webhook:
		need["secrets"] = t.Secrets == ""
	default:
		return nil, fmt.Errorf("%q: not a kind of target; there are slack, matrix, ntfy and webhook", t.Kind)
	}
	need["address"] = t.Address == ""
	for what, missing := range need {
		if missing {
			return nil, fmt.Errorf("%s: no file", what)
		}
	}
	if t.Least != "" && t.Least.rank() < 0 {
		return nil, fmt.Errorf("%q: not a severity; there are info, warning and error", t.Least)
	}
	text := t.Template
	if text == "" {
		text = standardText
	}
	return compile(text)
}

// wants: the target is told of the event.
func (t Target) wants(e Event) bool {
	if max(e.Severity.rank(), e.Ends.rank()) < t.Least.rank() {
		return false
	}
	return e.Service == "" || len(t.Services) == 0 || slices.Contains(t.Services, e.Service)
}

// Files are those of the target's secrets.
func (t Target) Files() []secret.File { return secret.Named(t.Address, t.Token, t.Secrets) }
