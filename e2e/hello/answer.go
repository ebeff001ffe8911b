package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// An answer says who answered, and what arrived.
type answer struct {
	Service string `json:"service"`
	Version string `json:"version"`
	Host    string `json:"host"`
	Method  string `json:"method"`
	Path    string `json:"path"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`
}

type hello struct {
	behaviour
	http.Handler
	start  time.Time
	doomed chan struct{} // closed when the server is to die of a request
	first  sync.Once
}

func newHello(b behaviour, start time.Time) *hello {
	h := &hello{behaviour: b, start: start, doomed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", h.health)
	mux.HandleFunc("/", h.routed(h.echo))
	mux.HandleFunc("/slow", h.routed(h.slow))
	mux.HandleFunc("/events", h.routed(h.events))
	mux.HandleFunc("/store", h.routed(h.store))
	mux.HandleFunc("/ws", h.routed(h.socket))
	h.Handler = mux
	return h
}

// routed is a handler that only the gateway sends requests to.
func (h *hello) routed(f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if h.dieRouted > 0 {
			h.first.Do(func() { time.AfterFunc(h.dieRouted, func() { close(h.doomed) }) })
		}
		f(w, r)
	}
}

func (h *hello) health(w http.ResponseWriter, _ *http.Request) {
	if !h.healthy(time.Since(h.start)) {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// echo reads the whole request and answers with its digest.
func (h *hello) echo(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	n, err := io.Copy(sum, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Version", h.version)
	_ = json.NewEncoder(w).Encode(answer{
		Service: h.service, Version: h.version, Host: h.host, Method: r.Method, Path: r.URL.Path,
		Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil)),
	})
}

// slow answers after as many milliseconds as asked.
func (h *hello) slow(w http.ResponseWriter, r *http.Request) {
	ms, _ := strconv.Atoi(r.FormValue("ms"))
	select {
	case <-r.Context().Done():
		return
	case <-time.After(time.Duration(ms) * time.Millisecond):
	}
	h.echo(w, r)
}

// events streams n events, one each ms milliseconds, and then a last one, "end".
func (h *hello) events(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.FormValue("n"))
	ms, _ := strconv.Atoi(r.FormValue("ms"))
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	for i := range n {
		fmt.Fprintf(w, "data: %s %d\n\n", h.version, i)
		if out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(time.Duration(ms) * time.Millisecond):
		}
	}
	fmt.Fprint(w, "data: end\n\n")
}

// store keeps the body of a POST or PUT in a file, and answers with the file.
func (h *hello) store(w http.ResponseWriter, r *http.Request) {
	file := filepath.Join(h.data, "value")
	if r.Method != http.MethodGet {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = os.WriteFile(file, body, 0o600)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	http.ServeFile(w, r, file)
}

// socket answers each message with its version and the message.
func (h *hello) socket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if err := c.Write(r.Context(), kind, append([]byte(h.version+" "), message...)); err != nil {
			return
		}
	}
}
