package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"havn.internal/gitops/forge"
	"havn.internal/gitops/forge/standin"
)

// forgeToken is the token that the stand-in takes, and repository what it has.
const (
	forgeToken = "a token of the forge"
	repository = "acme/site"
)

// A world is what is outside of the host of one script.
type world struct {
	mu     sync.Mutex
	forges map[string]*standin.Forge
	chats  map[string]*chat
}

// A chat keeps what it was sent.
type chat struct {
	mu    sync.Mutex
	texts []string
}

var worlds sync.Map

func worldOf(ts *testscript.TestScript) *world {
	w, _ := worlds.LoadOrStore(ts.Getenv("WORK"), &world{forges: map[string]*standin.Forge{}, chats: map[string]*chat{}})
	return w.(*world)
}

// forgeCommand is `forge NAME KIND [COMMIT...]`: a forge that has the commits; its
// address is in $NAME. Again, it only gets more commits.
func forgeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: forge NAME KIND [COMMIT...]")
	}
	w := worldOf(ts)
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.forges[args[0]]
	if f == nil {
		f = &standin.Forge{Kind: forge.Kind(args[1]), Path: repository}
		f.Require(forgeToken)
		server := httptest.NewServer(f)
		ts.Defer(server.Close)
		ts.Setenv(args[0], server.URL)
		w.forges[args[0]] = f
	}
	for _, text := range args[2:] {
		f.Know(strings.TrimSpace(ts.ReadFile(text)))
	}
}

// statuses NAME FILE waits until the forge has these statuses, one a line: the first
// digits of the commit, the state, how the description begins.
func statusesCommand(ts *testscript.TestScript, neg bool, args []string) {
	awaitStatuses(ts, neg, args, func(all []standin.Status) []standin.Status { return all })
}

// newest NAME FILE is statuses with the last one of each commit.
func newestCommand(ts *testscript.TestScript, neg bool, args []string) {
	awaitStatuses(ts, neg, args, func(all []standin.Status) (out []standin.Status) {
		for _, s := range all {
			same := func(o standin.Status) bool { return o.Commit == s.Commit }
			if i := slices.IndexFunc(out, same); i >= 0 {
				out[i] = s
			} else {
				out = append(out, s)
			}
		}
		return out
	})
}

func awaitStatuses(ts *testscript.TestScript, neg bool, args []string, of func([]standin.Status) []standin.Status) {
	awaitTold(ts, neg, args, begins, func(w *world, name string) string {
		w.mu.Lock()
		f := w.forges[name]
		w.mu.Unlock()
		var b strings.Builder
		for _, s := range of(f.Statuses()) {
			fmt.Fprintf(&b, "%.12s %s %s: %s\n", s.Commit, s.State, s.Context, s.Description)
		}
		return address.ReplaceAllString(release.ReplaceAllString(b.String(), "-RELEASE-"), "ADDRESS")
	})
}

// awaitTold is a command with the arguments NAME FILE: it waits until what NAME was told
// is like the file.
func awaitTold(ts *testscript.TestScript, neg bool, args []string, like func(got, want string) bool, told func(w *world, name string) string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: statuses|newest|messages NAME FILE")
	}
	w, want, got := worldOf(ts), expand(ts, ts.ReadFile(args[1])), ""
	poll(ts, func() bool {
		got = told(w, args[0])
		return like(got, want)
	}, func() string { return fmt.Sprintf("%s was told\n%swant\n%s", args[0], got, want) })
}

// begins: each line of got begins as the one of want does.
func begins(got, want string) bool {
	lines, heads := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i, line := range lines {
		if len(lines) != len(heads) || !strings.HasPrefix(line, heads[i]) {
			return false
		}
	}
	return true
}

// What is another on each machine: releases in containers' names, and addresses.
var (
	release = regexp.MustCompile(`-[0-9a-f]{8}-`)
	address = regexp.MustCompile(`10(\.[0-9]+){3}`)
)

// expand puts what variables stand for into a text.
func expand(ts *testscript.TestScript, text string) string {
	for _, name := range []string{"ONE", "TWO", "THREE", "FOUR", "FIVE"} {
		text = strings.ReplaceAll(text, "$"+name, ts.Getenv(name))
	}
	return text
}

// chatCommand is `chat NAME`: somebody who is notified, at the address of $NAME that
// `free` has set.
func chatCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: chat NAME")
	}
	l, err := net.Listen("tcp", ts.Getenv(args[0]))
	ts.Check(err)
	c := &chat{}
	server := &http.Server{Handler: c}
	ts.Defer(func() { _ = server.Close() })
	go func() { _ = server.Serve(l) }()
	w := worldOf(ts)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.chats[args[0]] = c
}

// ServeHTTP takes a message as Slack does.
func (c *chat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	var message struct{ Text string }
	if json.Unmarshal(text, &message) != nil || message.Text == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = append(c.texts, message.Text)
}

// messages NAME FILE waits until the chat has these messages, the first line of each.
func messages(ts *testscript.TestScript, neg bool, args []string) {
	same := func(got, want string) bool { return got == want }
	awaitTold(ts, neg, args, same, func(w *world, name string) string {
		w.mu.Lock()
		c := w.chats[name]
		w.mu.Unlock()
		c.mu.Lock()
		defer c.mu.Unlock()
		var b strings.Builder
		for _, text := range c.texts {
			first, _, _ := strings.Cut(text, "\n")
			b.WriteString(first + "\n")
		}
		return b.String()
	})
}

// untold TEXT: no forge and nobody who is notified was told the text.
func untold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: untold TEXT")
	}
	w := worldOf(ts)
	w.mu.Lock()
	defer w.mu.Unlock()
	told := 0
	check := func(text string) {
		if told++; strings.Contains(text, args[0]) {
			ts.Fatalf("told was %s", text)
		}
	}
	for _, f := range w.forges {
		for _, s := range f.Statuses() {
			check(fmt.Sprint(s))
		}
	}
	for _, c := range w.chats {
		c.mu.Lock()
		for _, text := range c.texts {
			check(text)
		}
		c.mu.Unlock()
	}
	if told == 0 {
		ts.Fatalf("nothing was told at all")
	}
}

// keep NAME FILE sets a variable to the first digits of the commit in a file.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep NAME FILE")
	}
	const digits = 12
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1]))[:digits])
}
