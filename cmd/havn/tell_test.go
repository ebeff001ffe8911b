package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// free NAME sets a variable to an address that nobody listens on.
func free(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: free NAME")
	}
	port, err := freePort()
	ts.Check(err)
	ts.Setenv(args[0], fmt.Sprintf("127.0.0.1:%d", port))
}

// pushed is the body of the webhooks that scripts send.
const pushed = `{"ref":"refs/heads/main"}`

// hookCommand URL KIND SECRET STATUS sends a webhook that is signed as the kind's
// sender signs, until it is answered at all, and wants that status.
func hookCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: hook URL KIND SECRET STATUS")
	}
	last := ""
	poll(ts, func() bool {
		req, err := http.NewRequest(http.MethodPost, args[0], strings.NewReader(pushed))
		ts.Check(err)
		signHook(req.Header, args[1], args[2])
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			last = err.Error()
			return false
		}
		_ = resp.Body.Close()
		if got := strconv.Itoa(resp.StatusCode); got != args[3] {
			ts.Fatalf("hook %s: %s, want %s", args[0], got, args[3])
		}
		return true
	}, func() string { return "hook " + args[0] + ": " + last })
}

// signHook signs a webhook.
func signHook(h http.Header, kind, secret string) {
	h.Set("Content-Type", "application/json")
	switch kind {
	case "github":
		h.Set("X-GitHub-Event", "push")
		h.Set("X-Hub-Signature-256", "sha256="+macOf(secret, pushed))
	case "plain":
		at := strconv.FormatInt(time.Now().Unix(), 10)
		h.Set("X-Havn-Timestamp", at)
		h.Set("X-Havn-Signature", macOf(secret, at+"."+pushed))
	}
}

func macOf(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}
