package tidings

import "testing"

func TestOwnWords(t *testing.T) {
	const more = "; `havn status` on the host says more"
	for why, want := range map[string]string{
		"web-0123abcd-1 was not ready within 1m0s: GET :8080/healthz: 503 Service Unavailable, want 200-399": "web-0123abcd-1 was not ready within 1m0s: GET :8080/healthz: 503 Service Unavailable, want 200-399",
		"web-0123abcd-1 exited with code 3, 5 times":                                                         "web-0123abcd-1 exited with code 3, 5 times",
		"start web-0123abcd-1 at 10.1.2.3: create container: @channel hush (failed 4 times)":                 "start web-0123abcd-1 failed 4 times" + more,
		"pull web:2: unauthorized: hush (failed 1 time)":                                                     "pull web:2 failed 1 time" + more,
		"was not ready within 1s: hush":                                                                      "was not ready within 1s" + more,
		"git fetch: the server does not accept the deploy key":                                               "git fetch: the server does not accept the deploy key",
		"git fetch: remote: hush":                                                                            "git fetch: remote" + more,
		"the name is taken":                                                                                  "the name is taken",
		"":                                                                                                   "",
	} {
		if got := own(why); got != want {
			t.Errorf("%q is told as %q, want %q", why, got, want)
		}
	}
}
