package traffic

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// A Delay is a TCP proxy that holds all it passes on for a while, and so puts a
// round trip between two ends of one machine. Order, bandwidth and the end of
// either direction are as without it.
type Delay struct {
	target   string
	oneWay   time.Duration
	listener net.Listener
	ctx      context.Context
	cancel   context.CancelFunc
	pumps    sync.WaitGroup
}

// StartDelay listens on a port of the loopback and passes on to target. Close must
// be called.
func StartDelay(target string, oneWay time.Duration) (*Delay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &Delay{target: target, oneWay: oneWay, listener: l}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.pumps.Go(d.accept)
	return d, nil
}

// Addr is where the proxy listens.
func (d *Delay) Addr() string { return d.listener.Addr().String() }

// Close ends the proxy and all its connections.
func (d *Delay) Close() {
	d.cancel()
	_ = d.listener.Close()
	d.pumps.Wait()
}

func (d *Delay) accept() {
	for {
		c, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.pumps.Go(func() { d.serve(c.(*net.TCPConn)) })
	}
}

func (d *Delay) serve(client *net.TCPConn) {
	defer client.Close()
	select { // the handshake travels as well
	case <-d.ctx.Done():
		return
	case <-time.After(d.oneWay):
	}
	c, err := net.DialTimeout("tcp", d.target, requestDeadline)
	if err != nil {
		_ = client.SetLinger(0)
		return
	}
	server := c.(*net.TCPConn)
	defer server.Close()
	stop := context.AfterFunc(d.ctx, func() {
		_ = client.Close()
		_ = server.Close()
	})
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { d.pump(server, client) })
	both.Go(func() { d.pump(client, server) })
	both.Wait()
}

// A parcel is on its way until due. The last one carries the end.
type parcel struct {
	due  time.Time
	data []byte
	end  error
}

// pump carries from one end to the other until the end of it. Reader and writer
// are apart, so that what is on its way holds up nothing behind it.
func (d *Delay) pump(to, from *net.TCPConn) {
	way := make(chan parcel, 1024)
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(way)
		for {
			buffer := make([]byte, 32<<10)
			n, err := from.Read(buffer)
			way <- parcel{due: time.Now().Add(d.oneWay), data: buffer[:n], end: err}
			if err != nil {
				return
			}
		}
	})
	defer reader.Wait()
	broken := false
	for p := range way {
		if broken {
			continue
		}
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			broken = true
			reset(from) // what was sent to a closed end is answered by a reset
			continue
		}
		switch p.end {
		case nil:
		case io.EOF:
			_ = to.CloseWrite()
		default:
			broken = true
			reset(to)
		}
	}
}

func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
