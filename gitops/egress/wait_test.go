package egress_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"havn.internal/gitops/egress"
	"havn.internal/gitops/egress/pipe"
)

// bubble runs a test with a server and a client for it, in a time of their own.
func bubble(t *testing.T, h http.HandlerFunc, test func(t *testing.T, c *egress.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var n pipe.Network
		stop := n.Serve("forge:80", h)
		c, err := egress.New(egress.Options{Dial: n.Dial, Plain: true, Retries: 4})
		if err != nil {
			t.Fatal(err)
		}
		test(t, c)
		c.Close()
		stop()
	})
}

var post = egress.Request{Method: http.MethodPost, URL: "http://forge/x", Body: []byte("body")}

func TestItWaitsAsLongAsItIsTold(t *testing.T) {
	for name, said := range map[string]func(h http.Header){
		"seconds":      func(h http.Header) { h.Set("Retry-After", "7") },
		"date":         func(h http.Header) { h.Set("Retry-After", time.Now().Add(7*time.Second).UTC().Format(http.TimeFormat)) },
		"GitHub limit": func(h http.Header) { limit(h, "X-RateLimit-", 7*time.Second) },
		"GitLab limit": func(h http.Header) { limit(h, "RateLimit-", 7*time.Second) },
	} {
		tries := 0
		bubble(t, func(w http.ResponseWriter, r *http.Request) {
			if text, _ := io.ReadAll(r.Body); string(text) != "body" {
				t.Errorf("%s: try %d carries %q", name, tries, text)
			}
			if tries++; tries == 1 {
				said(w.Header())
				w.WriteHeader(http.StatusTooManyRequests)
			}
		}, func(t *testing.T, c *egress.Client) {
			start := time.Now()
			if err := c.Send(t.Context(), post); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(start); took < 6*time.Second || took > 8*time.Second {
				t.Errorf("%s: waited %s, want about 7s", name, took)
			}
		})
	}
}

func limit(h http.Header, prefix string, in time.Duration) {
	h.Set(prefix+"Remaining", "0")
	h.Set(prefix+"Reset", strconv.FormatInt(time.Now().Add(in).Unix(), 10))
}

// A long wait is handed to the caller, who has other things to do.
func TestALongWaitIsHandedBack(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"429": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "600"); w.WriteHeader(429) },
		"GitHub 403": func(w http.ResponseWriter, _ *http.Request) {
			limit(w.Header(), "X-RateLimit-", 10*time.Minute)
			w.WriteHeader(403)
		},
	} {
		bubble(t, h, func(t *testing.T, c *egress.Client) {
			start := time.Now()
			err := c.Send(t.Context(), post)
			var refusal *egress.Refusal
			if !errors.As(err, &refusal) || !refusal.Passing() || refusal.After < 599*time.Second || refusal.After > 601*time.Second {
				t.Errorf("%s: %#v", name, err)
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("%s: it took %s", name, took)
			}
		})
	}
}

func TestMatrixSaysItInTheBody(t *testing.T) {
	bubble(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"errcode":"M_LIMIT_EXCEEDED","error":"Too many requests","retry_after_ms":2000}`)
	}, func(t *testing.T, c *egress.Client) {
		var refusal *egress.Refusal
		if err := c.Send(t.Context(), post); !errors.As(err, &refusal) || refusal.After != 2*time.Second || refusal.Message != "Too many requests" {
			t.Errorf("%#v", err)
		}
	})
}

// An absurd wish is bounded, and a negative one is none.
func TestWishesAreBounded(t *testing.T) {
	for said, want := range map[string]time.Duration{"99999999": time.Hour, "-5": 0, "soon": 0, "Thu, 01 Jan 1970 00:00:00 GMT": 0} {
		bubble(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", said)
			w.WriteHeader(http.StatusServiceUnavailable)
		}, func(t *testing.T, c *egress.Client) {
			var refusal *egress.Refusal
			if err := c.Send(t.Context(), post); !errors.As(err, &refusal) || refusal.After != want {
				t.Errorf("%q: %#v", said, err)
			}
		})
	}
}

func TestTriesAreBoundedAndFurtherApart(t *testing.T) {
	var at []time.Time
	bubble(t, func(w http.ResponseWriter, _ *http.Request) {
		at = append(at, time.Now())
		w.WriteHeader(http.StatusBadGateway)
	}, func(t *testing.T, c *egress.Client) {
		if err := c.Send(t.Context(), post); err == nil {
			t.Error("no error")
		}
	})
	if len(at) != 5 {
		t.Fatalf("%d tries, want 5", len(at))
	}
	if gap := at[4].Sub(at[3]); gap < 2*time.Second || gap > 4*time.Second {
		t.Errorf("the last try came %s after the one before", gap)
	}
}

// A server that does not answer is given up, and so is a wait that ctx ends.
func TestNothingHangs(t *testing.T) {
	silent := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	bubble(t, silent, func(t *testing.T, c *egress.Client) {
		start := time.Now()
		if err := c.Send(t.Context(), post); err == nil || err.Error() != "forge: no answer in time" {
			t.Errorf("silent server: %v", err)
		}
		if took := time.Since(start); took > 3*time.Minute {
			t.Errorf("gave up after %s", took)
		}
	})
	bubble(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, func(t *testing.T, c *egress.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := c.Send(ctx, post); err == nil || time.Since(start) > 2*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}
