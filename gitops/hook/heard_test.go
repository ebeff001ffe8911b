package hook_test

import (
	"net/http"
	"testing"
	"time"

	"havn.internal/gitops/hook"
)

// What has come is counted by whether it was signed.
func TestHeard(t *testing.T) {
	r := receiver(t, hook.GitHub, newSecret)
	if got := r.Heard(); got != (hook.Heard{}) {
		t.Errorf("at first: %+v", got)
	}
	for _, key := range []string{"no secret of anyone", newSecret, "no secret of anyone"} {
		h := http.Header{}
		senders["GitHub"].sign(h, key, push)
		send(r, h, push)
	}
	// What is no hook at all is none that was refused.
	send(r, http.Header{"Content-Type": {"text/html"}}, push)
	got := r.Heard()
	if got.Refused != 2 || time.Since(got.Last) > time.Minute || time.Since(got.Lately) > time.Minute {
		t.Errorf("got %+v", got)
	}
}
