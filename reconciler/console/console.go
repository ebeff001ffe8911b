// Package console is havn's face: what a site stands like, over a unix socket for
// the commands of the same machine.
//
// Rule of the package: it shows and passes on; what it passes on is decided
// elsewhere.
package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"havn.internal/gitops/hold"
	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/reconciler/snapshot"
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

// Looks are what a havn answers that changes nothing.
type Looks interface {
	// Standing says what keeps the host from being as the source says.
	Standing() hold.Standing
	// Known is a revision by its first digits, the wanted one if there are none.
	Known(ctx context.Context, revision string) (hold.Known, error)
	Status(ctx context.Context) Status
	// Forecast says what a site would change on this host.
	Forecast(ctx context.Context, ask Question) (model.Road, error)
	// Snapshot is what a plan elsewhere needs of this host.
	Snapshot(ctx context.Context) (snapshot.Snapshot, error)
	// Proposed says what a rollback would do: words are what the person named.
	Proposed(ctx context.Context, words []string) (Proposal, error)
	// History returns the newest acts of a service, of all if it is empty, oldest of
	// them first.
	History(service string, limit int) ([]journal.Event, error)
}

// Havn is the running havn as the console sees it.
type Havn interface {
	Looks
	Desires
	// Accept lets a held revision pass; Explain is the verdict on one.
	Accept(by hold.By, revision string) error
	Explain(ctx context.Context, commit string) (string, error)
	// TryNotify sends everybody who is notified a test message, and returns what
	// became of it.
	TryNotify(ctx context.Context) []Notify
	// Retry lifts the verdicts on a service, on all if it is empty, and has what
	// failed tried at once. It returns how many verdicts were lifted.
	Retry(service string) int
	// AllowPrune agrees to the removals of the wanted revision, and returns it.
	AllowPrune() (revision string)
}

// A Question is what a plan is asked for.
type Question struct {
	Site spec.Site `json:"site"`
	// Told is what the machine is to be told, nil for what it was.
	Told model.Told `json:"told,omitempty"`
	// Values has the plan show values that may be secret.
	Values plan.Values `json:"values,omitempty"`
}

// A Proposal is what a rollback would do.
type Proposal struct {
	// Service goes back to Revision, or the host if it is empty.
	Service  string `json:"service,omitempty"`
	Revision string `json:"revision"`
	// Already says that it is there, empty if it is not.
	Already string     `json:"already,omitempty"`
	Road    model.Road `json:"road"`
	// Unknown is why no road is known.
	Unknown string `json:"unknown,omitempty"`
}

// maxSite bounds a site that is sent to be forecast.
const maxSite = 64 << 20

// Serve answers on the socket of a state directory until ctx ends.
func Serve(ctx context.Context, state string, h Havn, log *slog.Logger) error {
	mux := http.NewServeMux()
	looks(mux, h)
	acts(mux, h)
	desires(mux, h)
	return serve(ctx, state, mux, log)
}

// ServeLooks is [Serve] for a havn that takes no orders: what is not a look is refused,
// and busy says why.
func ServeLooks(ctx context.Context, state string, l Looks, busy string, log *slog.Logger) error {
	mux := http.NewServeMux()
	looks(mux, l)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, busy, http.StatusConflict) })
	return serve(ctx, state, mux, log)
}

func serve(ctx context.Context, state string, handler http.Handler, log *slog.Logger) error {
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
		Handler: handler, ReadHeaderTimeout: 5 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }, ConnContext: withPeer, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("console: %w", err)
	}
	return nil
}

// looks adds the handlers of [Looks].
func looks(mux *http.ServeMux, h Looks) {
	mux.HandleFunc("GET /v1/standing", func(w http.ResponseWriter, _ *http.Request) { answer(w, h.Standing()) })
	mux.HandleFunc("GET /v1/known", func(w http.ResponseWriter, r *http.Request) {
		k, err := h.Known(r.Context(), r.URL.Query().Get("revision"))
		answerOr(w, http.StatusNotFound, k, err)
	})
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) { answer(w, h.Status(r.Context())) })
	mux.HandleFunc("GET /v1/history", func(w http.ResponseWriter, r *http.Request) {
		limit, err := strconv.Atoi(r.URL.Query().Get("last"))
		if err != nil {
			http.Error(w, "last: want a number", http.StatusBadRequest)
			return
		}
		events, err := h.History(r.URL.Query().Get("service"), limit)
		answerOr(w, http.StatusInternalServerError, events, err)
	})
	mux.HandleFunc("GET /v1/rollback", func(w http.ResponseWriter, r *http.Request) {
		p, err := h.Proposed(r.Context(), r.URL.Query()["to"])
		answerOr(w, http.StatusConflict, p, err)
	})
	mux.HandleFunc("GET /v1/snapshot", func(w http.ResponseWriter, r *http.Request) {
		s, err := h.Snapshot(r.Context())
		answerOr(w, http.StatusServiceUnavailable, s, err)
	})
	mux.HandleFunc("POST /v1/forecast", func(w http.ResponseWriter, r *http.Request) {
		var ask Question
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSite)).Decode(&ask); err != nil {
			http.Error(w, "site: "+err.Error(), http.StatusBadRequest)
			return
		}
		road, err := h.Forecast(r.Context(), ask)
		answerOr(w, http.StatusServiceUnavailable, road, err)
	})
}

// acts adds the handlers of what [Havn] does beside [Desires].
func acts(mux *http.ServeMux, h Havn) {
	mux.HandleFunc("POST /v1/accept", func(w http.ResponseWriter, r *http.Request) {
		answerOr(w, http.StatusConflict, true, h.Accept(by(r), r.URL.Query().Get("commit")))
	})
	mux.HandleFunc("GET /v1/trust", func(w http.ResponseWriter, r *http.Request) {
		verdict, err := h.Explain(r.Context(), r.URL.Query().Get("commit"))
		answerOr(w, http.StatusConflict, verdict, err)
	})
	mux.HandleFunc("POST /v1/retry", func(w http.ResponseWriter, r *http.Request) {
		answer(w, h.Retry(r.URL.Query().Get("service")))
	})
	mux.HandleFunc("POST /v1/notify/test", func(w http.ResponseWriter, r *http.Request) { answer(w, h.TryNotify(r.Context())) })
	mux.HandleFunc("POST /v1/prune", func(w http.ResponseWriter, _ *http.Request) { answer(w, h.AllowPrune()) })
}

// answerOr writes v, or the error with a status.
func answerOr(w http.ResponseWriter, status int, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	answer(w, v)
}

// answer writes v. A client that has gone away is no concern of ours.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
