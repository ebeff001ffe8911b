package hook

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Kind is whose hooks are taken, and so how they are signed.
type Kind string

const (
	GitHub Kind = "github"
	GitLab Kind = "gitlab"
	// Gitea is also Forgejo.
	Gitea     Kind = "gitea"
	Bitbucket Kind = "bitbucket"
	// Standard is anyone who signs as standardwebhooks.com says.
	Standard Kind = "standard"
	// Plain is for scripts: X-Havn-Timestamp holds the Unix time, X-Havn-Signature
	// the HMAC-SHA256, in hex, of "TIME.BODY".
	Plain Kind = "plain"
)

const (
	// skew is how far a signed time may be from ours.
	skew = 5 * time.Minute
	// maxHeader bounds a header that is looked at, and maxClaims the signatures in it.
	maxHeader = 1024
	maxClaims = 8
)

// A claim is what the headers of a request say about its signature.
type claim struct {
	// signatures are over prefix and the body; one of them has to be right.
	signatures [][]byte
	prefix     string
	// token is a secret that was sent itself, by a GitLab that does not sign.
	token string
	// delivery identifies the request where no signature does.
	delivery string
	// ping is a request that only tries the hook out.
	ping bool
}

// claim reads the headers; false is a request that can't be right.
func (k Kind) claim(h http.Header, now time.Time) (claim, bool) {
	switch k {
	case GitHub:
		c, ok := hexClaim(h, "X-Hub-Signature-256", "sha256=")
		c.ping = one(h, "X-GitHub-Event") == "ping"
		return c, ok
	case Bitbucket:
		c, ok := hexClaim(h, "X-Hub-Signature", "sha256=")
		c.ping = one(h, "X-Event-Key") == "diagnostics:ping"
		return c, ok
	case Gitea:
		if len(h.Values("X-Forgejo-Signature")) > 0 {
			return hexClaim(h, "X-Forgejo-Signature", "")
		}
		return hexClaim(h, "X-Gitea-Signature", "")
	case GitLab:
		c, signed := standardClaim(h, now)
		c.token, c.delivery = one(h, "X-Gitlab-Token"), one(h, "Idempotency-Key")
		if c.delivery == "" {
			c.delivery = one(h, "X-Gitlab-Event-UUID")
		}
		return c, signed || c.token != ""
	case Standard:
		return standardClaim(h, now)
	case Plain:
		c, ok := hexClaim(h, "X-Havn-Signature", "")
		at := one(h, "X-Havn-Timestamp")
		c.prefix = at + "."
		return c, ok && fresh(at, now)
	}
	return claim{}, false
}

// one is the value of a header that is there once and not too long, or empty.
func one(h http.Header, name string) string {
	values := h.Values(name)
	if len(values) != 1 || len(values[0]) > maxHeader {
		return ""
	}
	return values[0]
}

func hexClaim(h http.Header, name, prefix string) (claim, bool) {
	text, ok := strings.CutPrefix(one(h, name), prefix)
	mac, err := hex.DecodeString(text)
	return claim{signatures: [][]byte{mac}}, ok && err == nil && len(mac) == macSize
}

// standardClaim reads the three headers of Standard Webhooks. Signatures of other
// versions than v1 are passed over.
func standardClaim(h http.Header, now time.Time) (claim, bool) {
	id, at := one(h, "webhook-id"), one(h, "webhook-timestamp")
	if id == "" || !fresh(at, now) {
		return claim{}, false
	}
	c := claim{prefix: id + "." + at + "."}
	for part := range strings.FieldsSeq(one(h, "webhook-signature")) {
		text, ok := strings.CutPrefix(part, "v1,")
		mac, err := base64.StdEncoding.DecodeString(text)
		if ok && err == nil && len(mac) == macSize && len(c.signatures) < maxClaims {
			c.signatures = append(c.signatures, mac)
		}
	}
	return c, len(c.signatures) > 0
}

// fresh: the time, in Unix seconds, is about now.
func fresh(text string, now time.Time) bool {
	seconds, err := strconv.ParseInt(text, 10, 64)
	return err == nil && text == strconv.FormatInt(seconds, 10) && now.Sub(time.Unix(seconds, 0)).Abs() <= skew
}

// A key is one live secret.
type key struct {
	secret []byte
	// token: it is sent itself instead of signing with it.
	token bool
}

// marked begins a secret of Standard Webhooks; the rest is base64.
const marked = "whsec_"

// key makes a key of a line of the secret file. A GitLab secret that is marked signs,
// and is never taken as a token.
func (k Kind) key(line string) (key, error) {
	text, isMarked := strings.CutPrefix(line, marked)
	secret := key{secret: []byte(line), token: k == GitLab && !isMarked}
	if k == Standard || k == GitLab && isMarked {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return key{}, fmt.Errorf("a secret of Standard Webhooks is %s and base64", marked)
		}
		secret.secret = raw
	}
	if len(secret.secret) < shortest {
		return key{}, fmt.Errorf("a secret has at least %d bytes; openssl rand -hex 32 makes a good one", shortest)
	}
	return secret, nil
}
