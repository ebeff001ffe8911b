package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"havn.internal/gitops/egress"
	"havn.internal/gitops/secret"
)

// A Client sets the statuses of the commits of one repository.
type Client struct {
	Repository Repository
	// Token is the file of the token that may set statuses.
	Token  secret.File
	Egress *egress.Client
	// Hide are files whose secrets are in no status either.
	Hide []secret.File
}

// Set sets a status. What a forge refuses is a [*egress.Refusal].
func (c *Client) Set(ctx context.Context, s Status) error {
	if err := s.check(); err != nil {
		return err
	}
	token, err := c.Token.First()
	if err != nil {
		return fmt.Errorf("forge: %w", err)
	}
	known := append(secret.Values(c.Hide...), token)
	err = c.Egress.Send(ctx, c.request(s, token, known))
	if err == nil || c.already(err) {
		return nil
	}
	return fmt.Errorf("forge: set status: %w", c.explain(err))
}

// body is what GitHub and Gitea take; at GitLab the context is a name.
type body struct {
	State       string `json:"state"`
	TargetURL   string `json:"target_url,omitempty"`
	Description string `json:"description,omitempty"`
	Context     string `json:"context,omitempty"`
	Name        string `json:"name,omitempty"`
}

func (c *Client) request(s Status, token string, known []string) egress.Request {
	name := cut(secret.Scrub(s.Context, known...), longestOf)
	b := body{State: string(s.State), TargetURL: s.link(known...), Description: s.description(c.Repository.Kind, known...)}
	if s.State == Overtaken {
		b.State = "error"
	}
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	address := ""
	switch c.Repository.Kind {
	case GitHub:
		b.Context = name
		h.Set("Accept", "application/vnd.github+json")
		h.Set("X-GitHub-Api-Version", "2022-11-28")
		h.Set("Authorization", "Bearer "+token)
		address = c.Repository.API + "/repos/" + c.Repository.Path + "/statuses/" + s.Commit
	case Gitea:
		b.Context = name
		h.Set("Authorization", "token "+token)
		address = c.Repository.API + "/repos/" + c.Repository.Path + "/statuses/" + s.Commit
	case GitLab:
		b.Name = name
		b.State = map[State]string{Pending: "running", Success: "success", Failure: "failed", Overtaken: "canceled"}[s.State]
		h.Set("PRIVATE-TOKEN", token)
		address = c.Repository.API + "/projects/" + url.PathEscape(c.Repository.Path) + "/statuses/" + s.Commit
	}
	text, err := json.Marshal(b)
	if err != nil {
		panic("forge: strings are always JSON: " + err.Error())
	}
	return egress.Request{Method: http.MethodPost, URL: address, Header: h, Body: text, Secrets: known}
}

// already: GitLab refuses a state that the commit has.
func (c *Client) already(err error) bool {
	var refusal *egress.Refusal
	return c.Repository.Kind == GitLab && errors.As(err, &refusal) && refusal.Status == http.StatusBadRequest &&
		strings.Contains(refusal.Message, "Cannot transition status via")
}
