package hook_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/textproto"
	"testing"

	"havn.internal/gitops/hook"
)

// Whatever the headers and the body are: no panic, and nothing that is not signed is
// taken.
func FuzzReceive(f *testing.F) {
	kinds := []hook.Kind{hook.GitHub, hook.GitLab, hook.Gitea, hook.Bitbucket, hook.Standard, hook.Plain}
	lines := map[hook.Kind]string{hook.Standard: "whsec_" + newKey}
	for i, kind := range kinds {
		for _, s := range senders {
			if s.kind != kind {
				continue
			}
			h := http.Header{}
			s.sign(h, "a secret that is not the receiver's", push)
			var text bytes.Buffer
			_ = h.Write(&text)
			f.Add(uint8(i), text.Bytes(), []byte(push))
		}
	}
	f.Add(uint8(4), []byte("webhook-id: .\r\nwebhook-timestamp: 1\r\nwebhook-signature: v1, v1,= v1,AAAA\r\n"), []byte{})
	receivers := map[hook.Kind]*hook.Receiver{}
	for _, kind := range kinds {
		line := lines[kind]
		if line == "" {
			line = newSecret
		}
		receivers[kind] = receiver(f, kind, line)
	}
	f.Fuzz(func(t *testing.T, kind uint8, headers, body []byte) {
		h, _ := textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(headers), bytes.NewReader([]byte("\r\n"))))).ReadMIMEHeader()
		if h == nil {
			h = textproto.MIMEHeader{}
		}
		if code := send(receivers[kinds[int(kind)%len(kinds)]], http.Header(h), string(body)); code == http.StatusAccepted || code < 400 {
			t.Errorf("%s %q: %d", kinds[int(kind)%len(kinds)], headers, code)
		}
	})
}
