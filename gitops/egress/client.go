package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	// A request that gets no whole answer in attemptTime is given up.
	attemptTime = 15 * time.Second
	// The waits between tries of one request.
	firstWait = 500 * time.Millisecond
	lastWait  = 15 * time.Second
	// What is read of an answer.
	maxHead = 64 << 10
	maxBody = 64 << 10
)

// Options say how a Client gets out.
type Options struct {
	// CAFile holds certificates, PEM, that are trusted beside those of the system.
	CAFile string
	// Proxy is the URL of the proxy to other hosts; empty is what the environment says.
	Proxy string
	// Plain allows http to other hosts than this one.
	Plain bool
	// Retries bounds how often one request is tried again.
	Retries int
	// Dial makes the connections; nil is the system's network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Client sends requests.
type Client struct {
	http  *retryablehttp.Client
	plain bool
	// proxy is the proxy's address, which may hold a password.
	proxy string
}

// New returns a Client. It is to be closed.
func New(o Options) (*Client, error) {
	t := &http.Transport{
		DialContext: o.Dial, Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, DisableCompression: true,
		MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: attemptTime, MaxResponseHeaderBytes: maxHead,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if o.Dial == nil {
		t.DialContext = (&net.Dialer{Timeout: attemptTime}).DialContext
	}
	if o.Proxy != "" {
		u, err := url.Parse(o.Proxy)
		if err != nil || u.Host == "" {
			return nil, errors.New("proxy: not a URL such as http://proxy:3128")
		}
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			if local(r.URL) {
				return nil, nil
			}
			return u, nil
		}
	}
	if o.CAFile != "" {
		pool, err := authorities(o.CAFile)
		if err != nil {
			return nil, err
		}
		t.TLSClientConfig.RootCAs = pool
	}
	c := &Client{plain: o.Plain, proxy: o.Proxy, http: &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: t, Timeout: attemptTime,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax: o.Retries, RetryWaitMin: firstWait, RetryWaitMax: lastWait,
		CheckRetry: again, Backoff: backoff, ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}}
	return c, nil
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.http.HTTPClient.CloseIdleConnections() }

func authorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA: %s: no certificate in it", file)
	}
	return pool, nil
}

// allowed: the address may be sent to. What is sent carries secrets, so it is
// encrypted unless it stays on this host.
func (c *Client) allowed(u *url.URL) error {
	switch {
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("the address is not an http or https URL")
	case u.User != nil:
		return errors.New("the address holds a user; credentials go in a file")
	case u.Scheme == "https" || c.plain || local(u):
		return nil
	}
	return errors.New("plain http to another host would show the secret to the network; use https, or allow it")
}

// local: the address is on this host.
func local(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback() || u.Hostname() == "localhost"
}
