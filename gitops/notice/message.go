package notice

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/template"
	"time"

	"havn.internal/gitops/egress"
	"havn.internal/gitops/secret"
)

// errMessage: no message can be made of the entry, now or later.
var errMessage = errors.New("no message")

// message is the request that tells a target of an entry.
func message(t Target, tmpl *template.Template, host string, e Entry, known []string) (egress.Request, error) {
	address, err := t.Address.First()
	if err != nil {
		return egress.Request{}, err
	}
	d := dataOf(host, e.Event)
	if t.Kind == Slack {
		link := d.Link
		d = d.each(inert)
		d.Link = link
	}
	text, err := render(tmpl, d)
	if err != nil {
		return egress.Request{}, fmt.Errorf("%w: %w", errMessage, err)
	}
	r := egress.Request{
		Method: http.MethodPost, URL: address, Header: http.Header{"Content-Type": {"application/json"}}, Secrets: known,
	}
	text = secret.Scrub(text, known...)
	switch t.Kind {
	case Slack:
		r.Body, err = json.Marshal(map[string]string{"text": text})
	case Matrix:
		err = matrix(&r, t, e, text)
	case Ntfy:
		err = ntfy(&r, t, host, e, text)
	case Webhook:
		err = webhook(&r, t, host, e, text)
	}
	return r, err
}

// matrix sends to a room. Servers know the entry's ID as a transaction, and take it
// once. A notice rings nowhere, so an error is no notice.
func matrix(r *egress.Request, t Target, e Entry, text string) error {
	token, err := t.Token.First()
	if err != nil {
		return err
	}
	kind := "m.notice"
	if e.Event.Severity == Error {
		kind = "m.text"
	}
	r.Method = http.MethodPut
	r.URL = strings.TrimRight(r.URL, "/") + "/_matrix/client/v3/rooms/" + url.PathEscape(t.Room) + "/send/m.room.message/" + url.PathEscape(e.ID)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Body, err = json.Marshal(map[string]string{"msgtype": kind, "body": text})
	return err
}

// ntfy publishes to the topic that the address ends in.
func ntfy(r *egress.Request, t Target, host string, e Entry, text string) error {
	if t.Token != "" {
		token, err := t.Token.First()
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	i := strings.LastIndex(strings.TrimRight(r.URL, "/"), "/")
	topic := strings.TrimRight(r.URL, "/")[i+1:]
	if i < 0 || topic == "" || strings.HasSuffix(r.URL[:i], "/") {
		return errors.New("the address of ntfy ends in a topic")
	}
	r.URL = r.URL[:i+1]
	tag, priority := "information_source", 3
	switch {
	case e.Event.Over:
		tag = "white_check_mark"
	case e.Event.Severity == Warning:
		tag, priority = "warning", 4
	case e.Event.Severity == Error:
		tag, priority = "rotating_light", 5
	}
	var err error
	r.Body, err = json.Marshal(map[string]any{
		"topic": topic, "title": cut(host+": "+e.Event.Title, longestWord), "message": text, "priority": priority, "tags": []string{tag}, "click": e.Event.Link,
	})
	return err
}

// webhook is signed as standardwebhooks.com says, with every secret that is live.
func webhook(r *egress.Request, t Target, host string, e Entry, text string) error {
	keys, err := signers(t.Secrets)
	if err != nil {
		return err
	}
	r.Body, err = json.Marshal(map[string]any{
		"type": "havn." + e.Event.Kind, "timestamp": e.Event.At.UTC().Format(time.RFC3339Nano),
		"data": map[string]any{
			"host": host, "severity": e.Event.Severity, "service": e.Event.Service, "revision": e.Event.Revision,
			"title": e.Event.Title, "detail": e.Event.Detail, "link": e.Event.Link, "over": e.Event.Over, "text": text,
		},
	})
	id, at := "msg_"+e.ID, strconv.FormatInt(time.Now().Unix(), 10)
	signatures := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		_, _ = mac.Write([]byte(id + "." + at + "."))
		_, _ = mac.Write(r.Body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", at)
	r.Header.Set("webhook-signature", strings.Join(signatures, " "))
	return err
}

// signers are the secrets of a webhook: whsec_ and base64.
func signers(f secret.File) ([][]byte, error) {
	lines, err := f.Lines()
	if err != nil {
		return nil, err
	}
	if len(lines) > 2 {
		return nil, fmt.Errorf("%s: %d secrets, at most 2 are live at a time", f, len(lines))
	}
	keys := make([][]byte, len(lines))
	for i, line := range lines {
		text, ok := strings.CutPrefix(line, "whsec_")
		if keys[i], err = base64.StdEncoding.DecodeString(text); !ok || err != nil || len(keys[i]) < 24 || len(keys[i]) > 64 {
			return nil, fmt.Errorf("%s: a secret is whsec_ and 24 to 64 bytes in base64", f)
		}
	}
	return keys, nil
}
