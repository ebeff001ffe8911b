package notice_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"havn.internal/gitops/egress"
	"havn.internal/gitops/egress/pipe"
	"havn.internal/gitops/notice"
	"havn.internal/gitops/secret"
)

// An outbox keeps entries as JSON, as one on a disk would.
type outbox struct {
	mu      sync.Mutex
	entries map[string][]byte
	broken  error
}

func (o *outbox) Put(e notice.Entry) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	text, err := json.Marshal(e)
	if err != nil || o.broken != nil {
		return errors.Join(err, o.broken)
	}
	if o.entries == nil {
		o.entries = map[string][]byte{}
	}
	o.entries[e.ID] = text
	return nil
}

func (o *outbox) List() ([]notice.Entry, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []notice.Entry
	for _, text := range o.entries {
		var e notice.Entry
		if err := json.Unmarshal(text, &e); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, o.broken
}

func (o *outbox) Done(id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken == nil {
		delete(o.entries, id)
	}
	return o.broken
}

func (o *outbox) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(bytes.Join(slices.Collect(maps.Values(o.entries)), nil))
}

// A sent is a request that a chat got.
type sent struct {
	method, path string
	header       http.Header
	body         string
}

// A chat is a server that takes everything, but where answer says otherwise.
type chat struct {
	mu     sync.Mutex
	got    []sent
	answer func(n int, w http.ResponseWriter) bool
}

func (c *chat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, sent{r.Method, r.URL.EscapedPath(), r.Header, string(text)})
	if c.answer != nil && c.answer(len(c.got), w) {
		return
	}
	_, _ = io.WriteString(w, `{"ok":true}`)
}

func (c *chat) all() []sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got)
}

// texts are the texts of what Slack got.
func (c *chat) texts() (out []string) {
	for _, s := range c.all() {
		var m struct{ Text string }
		if json.Unmarshal([]byte(s.body), &m) != nil {
			m.Text = "not JSON: " + s.body
		}
		out = append(out, m.Text)
	}
	return out
}

// A world is a host, its outbox and the network, in a time of its own.
type world struct {
	*notice.Notifier
	t      *testing.T
	net    pipe.Network
	chat   *chat
	outbox *outbox
	log    bytes.Buffer
	// options are those of the next start.
	options notice.Options
	stop    func()
	// back brings the chat onto the network, away takes it off.
	away func()
}

const (
	slackURL   = "http://chat/services/T0/B0/canary-slack-path"
	tokenValue = "canary-token-012345"
	signer     = "whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5"
)

func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, chat: &chat{}, outbox: &outbox{}}
		w.options = notice.Options{Host: "web1", Targets: []notice.Target{{Name: "ops", Kind: notice.Slack, Address: w.file(slackURL), Template: "{{.Title}}"}}}
		w.back()
		test(w)
		w.down()
		w.away()
	})
}

func (w *world) file(lines ...string) secret.File {
	w.t.Helper()
	f, err := os.CreateTemp(w.t.TempDir(), "secret")
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.WriteString(strings.Join(lines, "\n")); err != nil {
		w.t.Fatal(err)
	}
	return secret.File(filepath.Clean(f.Name()))
}

func (w *world) back() { w.away = w.net.Serve("chat:80", w.chat) }

// up starts havn, down ends it.
func (w *world) up() {
	w.t.Helper()
	e, err := egress.New(egress.Options{Dial: w.net.Dial, Plain: true})
	if err != nil {
		w.t.Fatal(err)
	}
	w.options.Egress, w.options.Outbox = e, w.outbox
	w.options.Log = slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if w.Notifier, err = notice.New(w.options); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			w.t.Errorf("Run() = %v", err)
		}
		e.Close()
		w.stop = nil
	}
}

func (w *world) down() {
	if w.stop != nil {
		w.stop()
	}
}

// tell tells of failures of web.
func (w *world) tell(titles ...string) {
	for _, title := range titles {
		w.Notify(notice.Event{Kind: "rollout.failed", Severity: notice.Error, Service: "web", Title: title})
	}
}

func (w *world) want(titles ...string) {
	w.t.Helper()
	synctest.Wait()
	if got := w.chat.texts(); !slices.Equal(got, titles) {
		w.t.Errorf("the chat got %q, want %q", got, titles)
	}
}
