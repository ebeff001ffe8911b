package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"io"
)

const macSize = sha256.Size

// verify reads the body to its end and returns what identifies the delivery, nil if
// no key has signed it. The body goes through the hash and is gone. Every key is
// compared with every signature, whichever is right.
func verify(c claim, keys []key, body io.Reader) (identity []byte, err error) {
	var macs []hash.Hash
	var hashes []io.Writer
	known := 0
	for _, k := range keys {
		if k.token {
			known |= same(c.token, k.secret)
			continue
		}
		mac := hmac.New(sha256.New, k.secret)
		_, _ = io.WriteString(mac, c.prefix)
		macs, hashes = append(macs, mac), append(hashes, mac)
	}
	if known == 0 && (len(c.signatures) == 0 || len(macs) == 0) {
		return nil, nil
	}
	if _, err := io.Copy(io.MultiWriter(hashes...), body); err != nil {
		return nil, err
	}
	for _, mac := range macs {
		sum := mac.Sum(nil)
		for _, s := range c.signatures {
			if hmac.Equal(sum, s) {
				identity = sum
			}
		}
	}
	if identity == nil && known == 1 {
		identity = []byte(c.delivery)
	}
	return identity, nil
}

// same compares without showing how much of a token is right, nor how long it is.
func same(token string, secret []byte) int {
	a, b := sha256.Sum256([]byte(token)), sha256.Sum256(secret)
	return subtle.ConstantTimeCompare(a[:], b[:])
}
