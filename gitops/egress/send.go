package egress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"havn.internal/gitops/secret"
)

// A Request is what is sent.
type Request struct {
	Method string
	URL    string
	Header http.Header
	Body   []byte
	// Secrets are the values that the request carries; they are taken out of errors.
	Secrets []string
}

// A Refusal is an answer that is not a success.
type Refusal struct {
	Status int
	// Host is who answered.
	Host string
	// Message is the short text that came with it, without secrets.
	Message string
	// After is how long the server wants to be left alone; 0 is not said.
	After time.Duration
}

func (r *Refusal) Error() string {
	text := fmt.Sprintf("%s: %d %s", r.Host, r.Status, http.StatusText(r.Status))
	if r.Message != "" {
		text += ": " + r.Message
	}
	return text
}

// Passing: the same request may succeed later. A limit that is used up is passing
// whatever its status: GitHub says 403.
func (r *Refusal) Passing() bool {
	return passing(r.Status) || r.Status == http.StatusForbidden && r.After > 0
}

// Send sends a request until it succeeds or is not to be tried again. Where the
// server answers anything but success the error is a [*Refusal].
func (c *Client) Send(ctx context.Context, r Request) error {
	u, err := url.Parse(r.URL)
	if err != nil {
		// The parser's error quotes the address.
		return errors.New("the address is not a URL")
	}
	if err := c.allowed(u); err != nil {
		return err
	}
	known := append([]string{r.URL, c.proxy}, r.Secrets...)
	req, err := retryablehttp.NewRequestWithContext(ctx, r.Method, r.URL, r.Body)
	if err != nil {
		return errors.New("the address is not a URL")
	}
	req.Header = r.Header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("User-Agent", "havn")
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %s", u.Host, secret.Scrub(cause(ctx, err), known...))
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if resp.StatusCode/100 == 2 {
		return nil
	}
	if err != nil {
		body = nil
	}
	return &Refusal{
		Status: resp.StatusCode, Host: u.Host, Message: brief(secret.Scrub(message(resp, body), known...)), After: asked(resp.Header, body),
	}
}

// cause is what went wrong, without the address that the error of net/http quotes.
func cause(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return ctx.Err().Error()
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		if outer.Timeout() {
			return "no answer in time"
		}
		err = outer.Err
	}
	return brief(err.Error())
}

// message is what the server says in words.
func message(resp *http.Response, body []byte) string {
	if resp.StatusCode/100 == 3 {
		return "it redirects elsewhere; give the address it redirects to"
	}
	var said struct {
		Message json.RawMessage `json:"message"`
		Error   json.RawMessage `json:"error"`
		Errors  json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil {
		if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
			return string(body)
		}
		return ""
	}
	var words []string
	for _, part := range []json.RawMessage{said.Message, said.Error, said.Errors} {
		var text string
		if json.Unmarshal(part, &text) != nil {
			text = string(part)
		}
		if text != "" {
			words = append(words, text)
		}
	}
	return strings.Join(words, ": ")
}

// brief is the text as one short line.
func brief(text string) string {
	const most = 200
	runes := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " "))
	if len(runes) > most {
		runes = append(runes[:most-1], '…')
	}
	return string(runes)
}
