package console

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"havn.internal/gitops/hold"
	"havn.internal/spec"
)

// Desires are what a person may want of a host beside the newest revision. What each
// returns is said to the person.
type Desires interface {
	// Rollback pins the host, or a service, to an earlier revision: words are what
	// the person named, a service, a revision, or both. If it is not to the expected
	// revision, as [Looks] proposed it, nothing happens; empty expects nothing.
	Rollback(ctx context.Context, by hold.By, words []string, expected string) (string, error)
	// Unpin takes all pins off, or that of one service.
	Unpin(by hold.By, service string) (string, error)
	// Freeze lets no new revision come until a time, until Thaw if that is zero.
	Freeze(by hold.By, until time.Time) (string, error)
	Thaw(by hold.By) (string, error)
	// ByHand wants the site of a directory until somebody takes that back.
	ByHand(by hold.By, h Handed) (string, error)
	// Settled waits until nothing more happens on the way to a revision.
	Settled(ctx context.Context, revision string) (Settled, error)
}

// Handed is a site that a person applies.
type Handed struct {
	Site spec.Site `json:"site"`
	Dir  string    `json:"dir"`
	// Prune agrees to its removals.
	Prune bool `json:"prune,omitempty"`
}

// Settled is how the way to a revision ended.
type Settled struct {
	Generation int `json:"generation"`
	// Problem is why the host is not as the revision says, empty if it is.
	Problem string `json:"problem,omitempty"`
}

// desires adds the handlers of [Desires].
func desires(mux *http.ServeMux, h Desires) {
	mux.HandleFunc("POST /v1/rollback", func(w http.ResponseWriter, r *http.Request) {
		text, err := h.Rollback(r.Context(), by(r), r.URL.Query()["to"], r.URL.Query().Get("expected"))
		answerOr(w, http.StatusConflict, text, err)
	})
	mux.HandleFunc("POST /v1/unpin", func(w http.ResponseWriter, r *http.Request) {
		text, err := h.Unpin(by(r), r.URL.Query().Get("service"))
		answerOr(w, http.StatusConflict, text, err)
	})
	mux.HandleFunc("POST /v1/freeze", func(w http.ResponseWriter, r *http.Request) {
		var until time.Time
		if given := r.URL.Query().Get("until"); given != "" {
			var err error
			if until, err = time.Parse(time.RFC3339, given); err != nil {
				http.Error(w, "until: "+err.Error(), http.StatusBadRequest)
				return
			}
		}
		text, err := h.Freeze(by(r), until)
		answerOr(w, http.StatusConflict, text, err)
	})
	mux.HandleFunc("POST /v1/thaw", func(w http.ResponseWriter, r *http.Request) {
		text, err := h.Thaw(by(r))
		answerOr(w, http.StatusConflict, text, err)
	})
	mux.HandleFunc("POST /v1/apply", func(w http.ResponseWriter, r *http.Request) {
		var handed Handed
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSite)).Decode(&handed); err != nil {
			http.Error(w, "site: "+err.Error(), http.StatusBadRequest)
			return
		}
		handed.Dir = plain(handed.Dir)
		text, err := h.ByHand(by(r), handed)
		answerOr(w, http.StatusConflict, text, err)
	})
	mux.HandleFunc("GET /v1/settled", func(w http.ResponseWriter, r *http.Request) {
		s, err := h.Settled(r.Context(), r.URL.Query().Get("revision"))
		answerOr(w, http.StatusConflict, s, err)
	})
}

// post asks for something, for a reason, and returns what is said to that.
func (c *Client) post(ctx context.Context, path, why string, query url.Values, in any) (string, error) {
	if query == nil {
		query = url.Values{}
	}
	query.Set("why", why)
	var said string
	return said, c.call(ctx, http.MethodPost, path+"?"+query.Encode(), in, &said)
}

// Standing says what keeps the host from being as the source says.
func (c *Client) Standing(ctx context.Context) (hold.Standing, error) {
	var s hold.Standing
	return s, c.call(ctx, http.MethodGet, "/v1/standing", nil, &s)
}

// Known is a revision by its first digits, the wanted one if there are none.
func (c *Client) Known(ctx context.Context, revision string) (hold.Known, error) {
	var k hold.Known
	return k, c.call(ctx, http.MethodGet, "/v1/known?revision="+url.QueryEscape(revision), nil, &k)
}

// Rollback pins the host, or a service, to an earlier revision.
func (c *Client) Rollback(ctx context.Context, why string, words []string, expected string) (string, error) {
	return c.post(ctx, "/v1/rollback", why, url.Values{"to": words, "expected": {expected}}, nil)
}

// Unpin takes all pins off, or that of one service.
func (c *Client) Unpin(ctx context.Context, why, service string) (string, error) {
	return c.post(ctx, "/v1/unpin", why, url.Values{"service": {service}}, nil)
}

// Freeze lets no new revision come until a time, until Thaw if that is zero.
func (c *Client) Freeze(ctx context.Context, why string, until time.Time) (string, error) {
	query := url.Values{}
	if !until.IsZero() {
		query.Set("until", until.Format(time.RFC3339))
	}
	return c.post(ctx, "/v1/freeze", why, query, nil)
}

// Thaw ends a freeze.
func (c *Client) Thaw(ctx context.Context, why string) (string, error) {
	return c.post(ctx, "/v1/thaw", why, nil, nil)
}

// ByHand wants the site of a directory.
func (c *Client) ByHand(ctx context.Context, why string, h Handed) (string, error) {
	return c.post(ctx, "/v1/apply", why, nil, h)
}

// Settled waits until nothing more happens on the way to a revision.
func (c *Client) Settled(ctx context.Context, revision string) (Settled, error) {
	var s Settled
	return s, c.call(ctx, http.MethodGet, "/v1/settled?revision="+url.QueryEscape(revision), nil, &s)
}
