package egress

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// longest bounds how long a server can keep us waiting.
const longest = time.Hour

// passing: the status may be another one later.
func passing(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests ||
		status >= 500 && status != http.StatusNotImplemented
}

// again: the request is tried again at once. One that the server wants later than
// lastWait is handed back instead, and so is a limit of requests without a time.
func again(ctx context.Context, r *http.Response, err error) (bool, error) {
	if ctx.Err() != nil || r != nil && !passing(r.StatusCode) {
		return false, nil
	}
	if r != nil {
		wait := asked(r.Header, nil)
		return wait <= lastWait && (wait > 0 || r.StatusCode != http.StatusTooManyRequests), nil
	}
	retry, _ := retryablehttp.DefaultRetryPolicy(ctx, r, err)
	return retry, nil
}

// Backoff is the pause after so many failures before the last one: it doubles from first
// to last, and is up to a half shorter, so that hosts don't try in step.
func Backoff(first, last time.Duration, failed int) time.Duration {
	wait := min(first<<min(failed, 16), last)
	return wait/2 + rand.N(wait/2+1)
}

// backoff is Backoff, but never shorter than what the server asks for.
func backoff(first, last time.Duration, try int, r *http.Response) time.Duration {
	wait := Backoff(first, last, try)
	if r != nil {
		wait = max(wait, min(asked(r.Header, nil), last))
	}
	return wait
}

// asked is how long the server wants to be left alone, 0 if it does not say. Forges
// say it in Retry-After, or as the time at which a used-up limit is reset; Matrix
// also in the body.
func asked(h http.Header, body []byte) time.Duration {
	var wait time.Duration
	if text := h.Get("Retry-After"); text != "" {
		if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
			wait = time.Duration(seconds) * time.Second
		} else if at, err := http.ParseTime(text); err == nil {
			wait = time.Until(at)
		}
	} else if at, ok := reset(h); ok {
		wait = time.Until(at)
	} else {
		var said struct {
			Milliseconds int64 `json:"retry_after_ms"`
		}
		if json.Unmarshal(body, &said) == nil {
			wait = time.Duration(min(said.Milliseconds, longest.Milliseconds())) * time.Millisecond
		}
	}
	return min(max(wait, 0), longest)
}

// reset is when a rate limit that is used up is filled again.
func reset(h http.Header) (time.Time, bool) {
	for _, prefix := range []string{"X-RateLimit-", "RateLimit-"} {
		if h.Get(prefix+"Remaining") != "0" {
			continue
		}
		if seconds, err := strconv.ParseInt(h.Get(prefix+"Reset"), 10, 64); err == nil {
			return time.Unix(seconds, 0), true
		}
	}
	return time.Time{}, false
}
