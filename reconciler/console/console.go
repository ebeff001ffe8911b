// Package console is havn's face: what a site stands like, over a unix socket for
// the commands of the same machine.
//
// Rule of the package: it shows and passes on; what it passes on is decided
// elsewhere.
package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/model"
	"havn.internal/spec"
)

// socketName is the socket's name in the state directory. Whoever may write to it
// may ask havn for anything; it is for root and havn's group.
const (
	socketName = "havn.sock"
	socketMode = 0o660
)

// ErrNotRunning: no havn runs on the state directory.
var ErrNotRunning = errors.New("no havn runs on this state directory")

// Havn is the running havn as the console sees it.
type Havn interface {
	Status(ctx context.Context) Status
	// Forecast says what a site would change on this host.
	Forecast(ctx context.Context, want spec.Site) (model.Road, error)
	// History returns the newest acts of a service, of all if it is empty, oldest of
	// them first.
	History(service string, limit int) ([]journal.Event, error)
	// Retry lifts the verdicts on a service, on all if it is empty, and has what
	// failed tried at once. It returns how many verdicts were lifted.
	Retry(service string) int
	// AllowPrune agrees to the removals of the wanted revision, and returns it.
	AllowPrune() (revision string)
}

// maxSite bounds a site that is sent to be forecast.
const maxSite = 64 << 20

// Serve answers on the socket of a state directory until ctx ends.
func Serve(ctx context.Context, state string, h Havn, log *slog.Logger) error {
	path := filepath.Join(state, socketName)
	// The state directory is locked by this process, so a socket that is there was
	// left behind.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("console: %w", err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	if err := os.Chmod(path, socketMode); err != nil {
		return errors.Join(fmt.Errorf("console: %w", err), l.Close())
	}
	server := &http.Server{
		Handler: handler(h), ReadHeaderTimeout: 5 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("console: %w", err)
	}
	return nil
}

func handler(h Havn) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) { answer(w, h.Status(r.Context())) })
	mux.HandleFunc("GET /v1/history", func(w http.ResponseWriter, r *http.Request) {
		limit, err := strconv.Atoi(r.URL.Query().Get("last"))
		if err != nil {
			http.Error(w, "last: want a number", http.StatusBadRequest)
			return
		}
		events, err := h.History(r.URL.Query().Get("service"), limit)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, events)
	})
	mux.HandleFunc("POST /v1/forecast", func(w http.ResponseWriter, r *http.Request) {
		var site spec.Site
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSite)).Decode(&site); err != nil {
			http.Error(w, "site: "+err.Error(), http.StatusBadRequest)
			return
		}
		road, err := h.Forecast(r.Context(), site)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		answer(w, road)
	})
	mux.HandleFunc("POST /v1/retry", func(w http.ResponseWriter, r *http.Request) {
		answer(w, h.Retry(r.URL.Query().Get("service")))
	})
	mux.HandleFunc("POST /v1/prune", func(w http.ResponseWriter, _ *http.Request) { answer(w, h.AllowPrune()) })
	return mux
}

// answer writes v. A client that has gone away is no concern of ours.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

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
		return nil, fmt.Errorf("%s: no rights: run as root, or in havn's group", path)
	case err != nil:
		return nil, ErrNotRunning
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
func (c *Client) Forecast(ctx context.Context, want spec.Site) (model.Road, error) {
	var road model.Road
	return road, c.call(ctx, http.MethodPost, "/v1/forecast", want, &road)
}

// History returns the newest acts of a service, of all if it is empty.
func (c *Client) History(ctx context.Context, service string, limit int) ([]journal.Event, error) {
	var events []journal.Event
	path := fmt.Sprintf("/v1/history?last=%d&service=%s", limit, url.QueryEscape(service))
	return events, c.call(ctx, http.MethodGet, path, nil, &events)
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
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the running havn: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		return fmt.Errorf("the running havn says: %s", bytes.TrimSpace(text))
	}
	return json.NewDecoder(resp.Body).Decode(out)
}
