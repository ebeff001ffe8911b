package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"havn.internal/gitops/egress"
)

// What a forge refuses is tried again at these intervals: GitHub asks for a minute at
// least after a secondary limit, and takes wrong tokens for an attack.
const (
	firstRefusedWait = 2 * time.Minute // less up to a half
	lastRefusedWait  = time.Hour
	leastRefusedWait = time.Minute
	// tokenLook is how often the token's file is looked at meanwhile.
	tokenLook = 2 * time.Second
)

// A concern is what a status that was not set is about, and so what waits.
type concern int

const (
	nothing concern = iota
	// thisStatus will be refused each time.
	thisStatus
	// thisCommit may be taken later, and others now.
	thisCommit
	// everything waits: the network, a limit of requests.
	everything
	// theToken: everything waits, until there is another token.
	theToken
)

// weigh says what an error is about, and how long that waits after so many tries.
func weigh(err error, tries int) (concern, time.Duration) {
	soon := egress.Backoff(firstWait, lastWait, tries)
	later := max(leastRefusedWait, egress.Backoff(firstRefusedWait, lastRefusedWait, tries))
	var r *egress.Refusal
	switch {
	case err == nil:
		return nothing, 0
	case !errors.As(err, &r):
		return everything, soon
	case limited(r):
		return everything, max(leastRefusedWait, later/2, r.After)
	case r.Passing():
		return everything, max(soon, r.After)
	case r.Status == http.StatusUnauthorized, r.Status == http.StatusForbidden, r.Status/100 == 3:
		return theToken, max(later, r.After)
	case r.Status == http.StatusNotFound, r.Status == http.StatusGone, unknownCommit(r):
		return thisCommit, max(later, r.After)
	}
	return thisStatus, 0
}

// limited: the forge takes no more requests for a while. GitHub says so with 403 or 429,
// and not always for how long.
func limited(r *egress.Refusal) bool {
	text := strings.ToLower(r.Message)
	return r.Status == http.StatusTooManyRequests ||
		r.Status == http.StatusForbidden && (r.After > 0 || strings.Contains(text, "rate limit") || strings.Contains(text, "abuse"))
}

// unknownCommit: GitHub has not got the commit, as a mirror has not at first.
func unknownCommit(r *egress.Refusal) bool {
	return r.Status == http.StatusUnprocessableEntity && strings.Contains(r.Message, "No commit found")
}

// explain says what a refusal means and what to do.
func (c *Client) explain(err error) error {
	var r *egress.Refusal
	if !errors.As(err, &r) {
		return err
	}
	means := ""
	switch {
	case limited(r):
		means = "the forge limits requests for now; havn tries again"
	case r.Status == http.StatusUnauthorized:
		means = fmt.Sprintf("the forge does not accept the token; write a valid one to %s, havn uses it at once", c.Token)
	case r.Status == http.StatusForbidden:
		means = fmt.Sprintf("the token may not set statuses of %s; give it that right, or write another one to %s",
			c.Repository.Path, c.Token)
	case r.Status/100 == 3:
		means = fmt.Sprintf("%s has moved; give its new address (forge: repository, or source: git: url)",
			c.Repository.Path)
	case r.Status == http.StatusNotFound, r.Status == http.StatusGone:
		means = fmt.Sprintf("the forge has no repository %s, or does not show it to this token, or does not have the commit yet",
			c.Repository.Path)
	case unknownCommit(r):
		means = fmt.Sprintf("%s does not have the commit at the forge; is it a mirror of what is followed?",
			c.Repository.Path)
	case r.Status == http.StatusUnprocessableEntity, r.Status == http.StatusBadRequest:
		means = "the forge does not take this status"
	default:
		return err
	}
	return fmt.Errorf("%s (%w)", means, err)
}

// awaitToken waits, or until the token is another one.
func (r *Reporter) awaitToken(ctx context.Context, wait time.Duration) (changed bool) {
	before, _ := r.client.Token.First()
	for end := time.Now().Add(wait); time.Now().Before(end) && ctx.Err() == nil; {
		r.sleep(ctx, min(tokenLook, time.Until(end)), nil)
		if now, err := r.client.Token.First(); err == nil && now != before {
			return true
		}
	}
	return false
}
