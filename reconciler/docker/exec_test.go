package docker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"havn.internal/reconciler/plan"
)

// standIn is an engine that is asked by way of the handler alone.
func standIn(t *testing.T, h http.HandlerFunc) *Engine {
	t.Helper()
	return standInOf(t, minAPI, h)
}

func standInOf(t *testing.T, version string, h http.HandlerFunc) *Engine {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: h}}
	server.Start()
	t.Cleanup(server.Close)
	cli, err := client.NewClientWithOpts(client.WithHost("unix://"+socket), client.WithVersion(version))
	if err != nil {
		t.Fatal(err)
	}
	return &Engine{Config: Config{Site: "stand-in"}, cli: cli}
}

// An engine that hangs with the output of a command under way holds nobody longer
// than the command may take.
func TestExecEndsWithItsContext(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	e := standIn(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/start") {
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(`{"Id": "1"}`))
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = conn.Write([]byte("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"))
		<-hang
		_ = conn.Close()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := e.Gateway(t.TempDir()).exec(ctx, []string{"nginx", "-t"})
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want that the deadline has passed", err)
		}
	case <-time.After(2 * time.Minute):
		t.Error("it still waits for the engine")
	}
}

// A signal that the engine does not know, as an image may name one, keeps nothing from
// being stopped.
func TestStopWithASignalThatThereIsNot(t *testing.T) {
	var asked []string
	e := standInOf(t, "1.42", func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("signal"))
		if r.URL.Query().Get("signal") != "" {
			http.Error(w, `{"message":"invalid signal: SIGNONSENSE"}`, http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	e.dirt.containers = map[string]bool{}
	err := e.Stop(t.Context(), plan.Stop{ID: "1", Signal: "SIGNONSENSE", Grace: time.Second})
	if err != nil || !slices.Equal(asked, []string{"SIGNONSENSE", ""}) {
		t.Errorf("asked with %q: %v", asked, err)
	}
}

// A registry may pause in the middle of an image for longer than a minute: the pull
// goes on, and only its deadline ends it.
func TestAPullOutlivesASilentRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{Config: Config{Log: slog.New(slog.DiscardHandler)}}
		progress, registry := io.Pipe()
		go func() {
			for range 3 {
				_, _ = io.WriteString(registry, `{"id":"1","status":"Downloading","progressDetail":{"current":1,"total":9}}`)
				time.Sleep(10 * time.Minute)
			}
			_ = registry.Close()
		}()
		begin := time.Now()
		if err := e.follow("app:1", progress); err != nil || time.Since(begin) < 30*time.Minute {
			t.Errorf("the pull ended after %s: %v", time.Since(begin), err)
		}
	})
}

// A container that somebody connected to further networks looks the same as long as
// it is the same.
func TestListKeyIsStable(t *testing.T) {
	c := container.Summary{State: "running", NetworkSettings: &container.NetworkSettingsSummary{Networks: map[string]*network.EndpointSettings{}}}
	for _, name := range []string{"a", "b", "c", "d"} {
		c.NetworkSettings.Networks[name] = &network.EndpointSettings{}
	}
	key := listKey(c)
	for range 100 {
		if again := listKey(c); again != key {
			t.Fatalf("%q, then %q", key, again)
		}
	}
}
