package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/snapshot"
)

// A Client asks the havn that runs on a state directory.
type Client struct{ http http.Client }

// Dial returns a Client, or [ErrNotRunning].
func Dial(ctx context.Context, state string) (*Client, error) {
	path := filepath.Join(state, socketName)
	dial := func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	conn, err := dial(ctx)
	switch {
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("no rights on %s: run havn as root, or as a user in the group of that socket", path)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", state, ErrNotRunning)
	}
	_ = conn.Close()
	return &Client{http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}}, nil
}

// Status returns what the running havn says.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.call(ctx, http.MethodGet, "/v1/status", nil, &s)
}

// Forecast asks what a site would change.
func (c *Client) Forecast(ctx context.Context, ask Question) (model.Road, error) {
	var road model.Road
	return road, c.call(ctx, http.MethodPost, "/v1/forecast", ask, &road)
}

// Proposed asks what a rollback would do.
func (c *Client) Proposed(ctx context.Context, words []string) (Proposal, error) {
	var p Proposal
	return p, c.call(ctx, http.MethodGet, "/v1/rollback?"+url.Values{"to": words}.Encode(), nil, &p)
}

// Snapshot asks for what a plan elsewhere needs of the host.
func (c *Client) Snapshot(ctx context.Context) (snapshot.Snapshot, error) {
	var s snapshot.Snapshot
	return s, c.call(ctx, http.MethodGet, "/v1/snapshot", nil, &s)
}

// History returns the newest acts of a service, of all if it is empty.
func (c *Client) History(ctx context.Context, service string, limit int) ([]journal.Event, error) {
	var events []journal.Event
	path := fmt.Sprintf("/v1/history?last=%d&service=%s", limit, url.QueryEscape(service))
	return events, c.call(ctx, http.MethodGet, path, nil, &events)
}

// Accept lets a held revision pass.
func (c *Client) Accept(ctx context.Context, commit string) error {
	var done bool
	return c.call(ctx, http.MethodPost, "/v1/accept?commit="+url.QueryEscape(commit), nil, &done)
}

// Explain returns the verdict on a commit, in words.
func (c *Client) Explain(ctx context.Context, commit string) (string, error) {
	var verdict string
	return verdict, c.call(ctx, http.MethodGet, "/v1/trust?commit="+url.QueryEscape(commit), nil, &verdict)
}

// TryNotify sends everybody who is notified a test message, and returns what became
// of it.
func (c *Client) TryNotify(ctx context.Context) ([]Notify, error) {
	var tried []Notify
	return tried, c.call(ctx, http.MethodPost, "/v1/notify/test", nil, &tried)
}

// Retry lifts the verdicts on a service, on all if it is empty.
func (c *Client) Retry(ctx context.Context, service string) (int, error) {
	var lifted int
	return lifted, c.call(ctx, http.MethodPost, "/v1/retry?service="+url.QueryEscape(service), nil, &lifted)
}

// AllowPrune agrees to the removals of the wanted revision, and returns it.
func (c *Client) AllowPrune(ctx context.Context) (string, error) {
	var revision string
	return revision, c.call(ctx, http.MethodPost, "/v1/prune", nil, &revision)
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://havn"+path, body)
	if err != nil {
		return err
	}
	if sudo := os.Getenv("SUDO_USER"); sudo != "" {
		req.Header.Set(sudoHeader, sudo)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the running havn: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		return fmt.Errorf("the running havn says: %s", bytes.TrimSpace(text))
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("read what the running havn says: %w; it may have ended, ask again", err)
	}
	return nil
}
