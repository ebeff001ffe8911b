package nginx

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"havn.internal/e2e/traffic"
	"havn.internal/reconciler/plan"
)

// answers is a service as package traffic expects it: it answers with what it
// got, and echoes WebSockets.
func answers(t *testing.T, service, version string) netip.AddrPort {
	t.Helper()
	return serve(t, answering(service, version))
}

func answering(service, version string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			echo(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		sum := sha256.Sum256(body)
		_ = json.NewEncoder(w).Encode(traffic.Answer{
			Service: service, Version: version, Method: r.Method, Bytes: int64(len(body)), SHA256: hex.EncodeToString(sum[:]),
		})
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

// drained says whether an address that is not routed is, by a look of its own.
func (r *rig) drained(a netip.AddrPort) bool {
	r.t.Helper()
	d, left := r.observe().Unrouted[a]
	return !left || d.Done
}

// watch runs Watch until the test ends.
func (r *rig) watch(wake func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { r.Watch(ctx, wake) })
	r.t.Cleanup(func() { cancel(); wg.Wait() })
}

// TestAnUploadThatIsNotSentOnYetHoldsTheDrain: there is no connection to the
// replica, and still it will be needed.
func TestAnUploadThatIsNotSentOnYetHoldsTheDrain(t *testing.T) {
	r := newRig(t).start()
	a := answers(t, "app", "a")
	r.set(to("a.example", "/", a))
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nx")
	before, _ := workersOf(r.master())
	r.set(to("a.example", "/", answers(t, "app", "b")))
	eventually(t, "the worker with the upload is alone", func() bool {
		left := slices.DeleteFunc(slices.Clone(before), func(w worker) bool { return !w.alive() })
		return len(left) == 1
	})
	if to, failed := established(); failed || len(to[a]) > 0 {
		t.Errorf("connected to the replica: %v", to[a])
	}
	if r.drained(a) {
		t.Fatal("drained while an upload is under way")
	}
	_, _ = io.WriteString(c, "x")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	var answer traffic.Answer
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Version != "a" {
		t.Errorf("%+v %v", answer, err)
	}
	_ = resp.Body.Close()
	eventually(t, "a is drained", func() bool { return r.drained(a) })
}

func TestASlowAnswerHoldsTheDrain(t *testing.T) {
	r := newRig(t).start()
	asked, release := make(chan struct{}, 1), make(chan struct{})
	a := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "a")
	}))
	r.set(to("a.example", "/", a))
	done := make(chan string, 1)
	go func() { done <- r.get("a.example", "/").body }()
	<-asked
	r.set(to("a.example", "/", named(t, "b")))
	if r.drained(a) {
		t.Error("drained while an answer is awaited")
	}
	// A new havn finds the old worker, and whom it may send requests to.
	r.restart()
	if !r.observe().Running || r.drained(a) {
		t.Error("a new havn takes it for drained")
	}
	close(release)
	if body := <-done; body != "a" {
		t.Errorf("got %q", body)
	}
	eventually(t, "a is drained", func() bool { return r.drained(a) })
}

// TestANewerHavnFindsTheOldWorkers though it writes its configuration in another way,
// and so has nginx read it anew.
func TestANewerHavnFindsTheOldWorkers(t *testing.T) {
	r := newRig(t).start()
	a := answers(t, "app", "a")
	r.set(to("a.example", "/", a))
	router{r}.Hold("a.example")
	old, _ := workersOf(r.master())
	r.set(to("a.example", "/", answers(t, "app", "b")))
	newer := r.Config
	newer.AccessLog = true
	r.again(newer)
	if r.observe().Running {
		t.Fatal("a newer havn takes the configuration for its own")
	}
	if r.drained(a) {
		t.Error("a newer havn that does not know nginx yet takes it for drained")
	}
	r.start()
	if !anyAlive(old) || r.drained(a) {
		t.Error("a newer havn takes it for drained")
	}
	for _, w := range leavingOf(old) {
		_ = syscall.Kill(w.pid, syscall.SIGTERM)
	}
	eventually(t, "a is drained", func() bool { return r.drained(a) })
}

// TestIdleClientsDoNotHoldTheDrain longer than nginx lets them linger.
func TestIdleClientsDoNotHoldTheDrain(t *testing.T) {
	r := newRig(t).start()
	a, b := answers(t, "app", "a"), answers(t, "app", "b")
	r.set(to("a.example", "/", a))
	load := traffic.Load{Addr: r.addr, Host: "a.example", Path: "/", Service: "app", Rate: 100}.Start()
	eventually(t, "clients are there", func() bool { return load.Report().Sent > 20 })
	if report := load.Stop(); len(report.Lost) > 0 {
		t.Error(report)
	}
	woken := make(chan struct{}, 1)
	r.watch(func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})
	r.set(to("a.example", "/", b))
	select {
	case <-woken:
	case <-time.After(2 * time.Minute):
		t.Fatal("nobody was told of the end of the drain")
	}
	if !r.drained(a) {
		t.Error("a is not drained")
	}
}

// TestAnothersWebSocketSurvivesAndDoesNotHoldTheDrain: the old worker stays for
// it, and after a time without requests it is not waited for.
func TestAnothersWebSocketSurvivesAndDoesNotHoldTheDrain(t *testing.T) {
	r := newRig(t, func(c *Config) { c.RequestLimit = 500 * time.Millisecond }).start()
	a, b, chat := answers(t, "app", "a"), answers(t, "app", "b"), answers(t, "chat", "1")
	r.set(to("a.example", "/", a), to("chat.example", "/", chat))
	s, err := traffic.OpenSocket(t.Context(), r.addr, "chat.example", "/", 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := workersOf(r.master())
	begin := time.Now()
	r.set(to("a.example", "/", b), to("chat.example", "/", chat))
	eventually(t, "a is drained", func() bool { return r.drained(a) })
	if took := time.Since(begin); took < r.RequestLimit {
		t.Errorf("drained after %s, though an old worker is held and the limit is %s", took, r.RequestLimit)
	}
	if !anyAlive(before) {
		t.Error("no old worker is left, whom the socket would need")
	}
	n, err := s.Close()
	if err != nil || n == 0 {
		t.Errorf("the socket ended after %d messages: %v", n, err)
	}
	eventually(t, "the old worker ends", func() bool { return !anyAlive(before) })
}

// socket opens a WebSocket to a host.
func (r *rig) socket(host string) *websocket.Conn {
	r.t.Helper()
	c, _, err := websocket.Dial(r.t.Context(), "ws://"+r.addr, &websocket.DialOptions{Host: host})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

// lives: a message comes back.
func lives(t *testing.T, c *websocket.Conn) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if c.Write(ctx, websocket.MessageText, []byte("there?")) != nil {
		return false
	}
	_, _, err := c.Read(ctx)
	return err == nil
}

// TestOldWorkersAreCapped: the oldest are ended, with what holds them.
func TestOldWorkersAreCapped(t *testing.T) {
	r := newRig(t, func(c *Config) { c.OldWorkers, c.RequestLimit = 2, 100*time.Millisecond }).start()
	chat := answers(t, "chat", "1")
	here := func(n int) []plan.Location {
		return []plan.Location{to("chat.example", "/", chat), to("chat.example", "/"+strconv.Itoa(n), chat)}
	}
	r.set(here(0)...)
	r.watch(func() {})
	var sockets []*websocket.Conn
	for i := range 4 {
		sockets = append(sockets, r.socket("chat.example"))
		r.set(here(i + 1)...)
	}
	eventually(t, "two old workers are left", func() bool {
		all, _ := workersOf(r.master())
		return len(leavingOf(all)) == 2
	})
	for i, c := range sockets {
		if alive := lives(t, c); alive != (i >= 2) {
			t.Errorf("socket %d of 4: alive %v", i+1, alive)
		}
	}
}

// TestOldWorkersCutAtTheTimeout: nginx ends them itself.
func TestOldWorkersCutAtTheTimeout(t *testing.T) {
	r := newRig(t, func(c *Config) { c.ShutdownTimeout = 300 * time.Millisecond }).start()
	chat := answers(t, "chat", "1")
	r.set(to("chat.example", "/", chat))
	c := r.socket("chat.example")
	old, _ := workersOf(r.master())
	r.set(to("chat.example", "/", chat), to("chat.example", "/x", chat))
	eventually(t, "the old workers end", func() bool { return !anyAlive(old) })
	if lives(t, c) {
		t.Error("the socket outlived its worker")
	}
}
