// Package pipe is a network inside the process, for tests: real HTTP servers and
// clients on which the time of a synctest bubble works.
//
// Rule of the package: only tests import it.
package pipe

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
)

// A Network connects who dials with who serves.
type Network struct {
	mu    sync.Mutex
	hosts map[string]*listener
}

// Serve answers at an address, host:port, until stop is called.
func (n *Network) Serve(address string, h http.Handler) (stop func()) {
	l := &listener{conns: make(chan net.Conn), done: make(chan struct{}), address: address}
	n.mu.Lock()
	if n.hosts == nil {
		n.hosts = map[string]*listener{}
	}
	n.hosts[address] = l
	n.mu.Unlock()
	server := &http.Server{Handler: h}
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(l) })
	return func() {
		n.mu.Lock()
		delete(n.hosts, address)
		n.mu.Unlock()
		_ = server.Close()
		served.Wait()
	}
}

// Dial connects to an address that is served.
func (n *Network) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.hosts[address]
	n.mu.Unlock()
	if l == nil {
		return nil, errors.New("dial tcp " + address + ": connection refused")
	}
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.done:
		return nil, errors.New("dial tcp " + address + ": connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type listener struct {
	conns   chan net.Conn
	done    chan struct{}
	once    sync.Once
	address string
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *listener) Addr() net.Addr { return addr(l.address) }

type addr string

func (addr) Network() string  { return "pipe" }
func (a addr) String() string { return string(a) }
