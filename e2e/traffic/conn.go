package traffic

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"golang.org/x/sys/unix"
)

// A request is sent once, and only once.
type request struct {
	method, host, path string
	body               []byte
}

// An Answer is what the test server says of itself and of what it received.
type Answer struct {
	Service string `json:"service"`
	Version string `json:"version"`
	Host    string `json:"host"`
	Method  string `json:"method"`
	Path    string `json:"path"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`
}

// of says in what the answer does not fit the request.
func (a Answer) of(r request) error {
	sum := sha256.Sum256(r.body)
	switch {
	case a.Method != r.method:
		return fmt.Errorf("sent a %s, arrived as %s", r.method, a.Method)
	case a.Bytes != int64(len(r.body)) || a.SHA256 != hex.EncodeToString(sum[:]):
		return fmt.Errorf("sent %d bytes, %d arrived or others", len(r.body), a.Bytes)
	}
	return nil
}

// A conn is one HTTP/1.1 connection. It is written to directly, since Go's client
// repeats a request whose connection was closed.
type conn struct {
	net.Conn
	r     *bufio.Reader
	used  int
	since time.Time // when it became idle
}

func newConn(c net.Conn) *conn { return &conn{Conn: c, r: bufio.NewReader(c)} }

func (c *conn) name() string { return "connection " + c.LocalAddr().String() }

func (c *conn) close() { _ = c.Conn.Close() }

// ended reports whether the server's end of the connection has arrived. A client
// that knows of it sends no request there.
func (c *conn) ended() bool {
	raw, err := c.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return true
	}
	var n int
	var got error
	err = raw.Read(func(fd uintptr) bool {
		n, _, got = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return true
	})
	open := err == nil && n <= 0 && errors.Is(got, unix.EAGAIN)
	return !open
}

// send sends the request and reads the answer. keep is whether the connection may
// be used again.
func (c *conn) send(r request) (a Answer, keep bool, err error) {
	c.used++
	if err := c.SetDeadline(time.Now().Add(requestDeadline)); err != nil {
		return a, false, err
	}
	if _, err := c.Write(append(r.head(), r.body...)); err != nil {
		return a, false, fmt.Errorf("send: %w", err)
	}
	return c.receive(r.method)
}

// head is the request up to its body.
func (r request) head() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.method, r.path, r.host)
	if r.method != http.MethodGet {
		fmt.Fprintf(&b, "Content-Type: application/octet-stream\r\nContent-Length: %d\r\n", len(r.body))
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

func (c *conn) receive(method string) (a Answer, keep bool, err error) {
	response, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		return a, false, fmt.Errorf("receive: %w", err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return a, false, fmt.Errorf("receive: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return a, false, fmt.Errorf("answered %s", response.Status)
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return a, false, fmt.Errorf("answer %q: %w", body, err)
	}
	return a, !response.Close, nil
}

// payload is n bytes that no other payload equals.
func payload(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}
