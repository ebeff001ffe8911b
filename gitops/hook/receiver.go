package hook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"sync"
	"time"

	"havn.internal/gitops/secret"
)

const (
	// maxBody is what GitHub sends at most.
	maxBody = 25 << 20
	// A body that is not here after bodyTime is given up.
	bodyTime = 10 * time.Second
	// parallel bounds the bodies that are read at a time.
	parallel = 32
	// apart is the least time between two polls.
	apart = time.Second
	// shortest is the least length of a secret, and live how many there may be: the
	// new one and the old one while it is being changed.
	shortest = 16
	live     = 2
	// complainEvery bounds the log: anyone can send wrong hooks.
	complainEvery = time.Minute
)

// A Receiver is the handler for the hooks of one source. Its answers say nothing
// but whether the signature was right.
type Receiver struct {
	kind    Kind
	secrets secret.File
	log     *slog.Logger
	memory  memory
	slots   chan struct{}
	// wanted holds the one poll that is still to come.
	wanted chan struct{}

	mu    sync.Mutex
	heard Heard
	wrong map[string]wrongs // by what they are about
}

// New returns a Receiver of hooks that are signed with one of the secrets of a
// file, one or two lines of it. The file is read at every request.
func New(kind Kind, secrets secret.File, log *slog.Logger) (*Receiver, error) {
	r := &Receiver{kind: kind, secrets: secrets, log: log, slots: make(chan struct{}, parallel), wanted: make(chan struct{}, 1), wrong: map[string]wrongs{}}
	switch kind {
	case GitHub, GitLab, Gitea, Bitbucket, Standard, Plain:
	default:
		return nil, fmt.Errorf("hook: %q: not a kind of hook", kind)
	}
	if _, err := r.keys(); err != nil {
		return nil, err
	}
	return r, nil
}

// Run calls poll when a hook has asked for it, at most once a second, until ctx
// ends. A hook that comes meanwhile is not lost: another poll follows.
func (r *Receiver) Run(ctx context.Context, poll func()) error {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.wanted:
			poll()
			pause.Reset(apart)
		}
	}
}

// ServeHTTP answers 202 to a hook that is signed, also if it has come before.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	status := r.receive(w, req)
	if status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	switch status {
	case http.StatusUnauthorized:
		r.count(false)
		if n, due := r.complain("signatures"); due {
			r.log.Warn("hooks are refused, their signatures are wrong", "kind", r.kind, "count", n, "help", "is the secret the same at the forge?")
		}
	case http.StatusAccepted:
		r.count(true)
	}
	if status != http.StatusAccepted {
		// What is left of the body is not read on.
		w.Header().Set("Connection", "close")
	}
	w.WriteHeader(status)
}

func (r *Receiver) receive(w http.ResponseWriter, req *http.Request) (status int) {
	now := time.Now()
	switch {
	case req.Method != http.MethodPost:
		return http.StatusMethodNotAllowed
	case !payload(req.Header):
		return http.StatusUnsupportedMediaType
	case req.ContentLength > maxBody:
		return http.StatusRequestEntityTooLarge
	}
	c, ok := r.kind.claim(req.Header, now)
	if !ok {
		return http.StatusUnauthorized
	}
	keys, err := r.keys()
	if err != nil {
		if _, due := r.complain("secrets"); due {
			r.log.Error("no hook can be checked", "err", err)
		}
		return http.StatusServiceUnavailable
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	default:
		return http.StatusServiceUnavailable
	}
	// Not every writer has deadlines; the server's own hold then.
	_ = http.NewResponseController(w).SetReadDeadline(now.Add(bodyTime))
	id, err := verify(c, keys, http.MaxBytesReader(w, req.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case err != nil:
		return http.StatusBadRequest
	case id == nil:
		return http.StatusUnauthorized
	case !c.ping && (len(id) == 0 || r.memory.first(markOf(id), now)):
		r.poke()
	}
	return http.StatusAccepted
}

// payload: the content is of a type that forges send.
func payload(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(one(h, "Content-Type"))
	return err == nil && (kind == "application/json" || kind == "application/x-www-form-urlencoded")
}

func (r *Receiver) keys() ([]key, error) {
	lines, err := r.secrets.Lines()
	if err != nil {
		return nil, fmt.Errorf("hook: %w", err)
	}
	if len(lines) > live {
		return nil, fmt.Errorf("hook: %s: %d secrets, at most %d are live at a time", r.secrets, len(lines), live)
	}
	keys := make([]key, len(lines))
	for i, line := range lines {
		if keys[i], err = r.kind.key(line); err != nil {
			return nil, fmt.Errorf("hook: %s: %w", r.secrets, err)
		}
	}
	return keys, nil
}

func (r *Receiver) poke() {
	select {
	case r.wanted <- struct{}{}:
	default:
	}
}

// complain counts what is wrong with hooks, which is otherwise seen only by the forge. It
// is due now and then, with the count since it was.
func (r *Receiver) complain(about string) (count int, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.wrong[about]
	w.count++
	if now := time.Now(); now.Sub(w.told) >= complainEvery {
		count, due = w.count, true
		w = wrongs{told: now}
	}
	r.wrong[about] = w
	return count, due
}

// wrongs are what was wrong since that was told last.
type wrongs struct {
	count int
	told  time.Time
}
