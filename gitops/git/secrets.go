package git

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"havn.internal/gitops/secret"
)

// secrets are what git must know and nobody may see.
type secrets struct {
	user, password string
	// others are hidden where they appear, too.
	others []string
}

func (s secrets) empty() bool { return s.password == "" }

// secrets are read for each call, so that they can be rotated.
func (r Remote) secrets() (secrets, error) {
	var s secrets
	if u, err := url.Parse(r.Proxy); err == nil {
		if password, ok := u.User.Password(); ok {
			s.others = append(s.others, password, url.QueryEscape(password), u.User.String())
		}
	}
	switch {
	case r.TokenFile != "":
		text, err := secret.File(r.TokenFile).Text()
		if err != nil {
			return s, err
		}
		s.user, s.password = r.User, text
		if u, err := url.Parse(r.URL); err == nil && s.user == "" {
			s.user = u.User.Username()
		}
		if s.user == "" {
			s.user = "havn" // forges look at the token only
		}
	case r.CredentialFile != "":
		text, err := secret.File(r.CredentialFile).Text()
		if err != nil {
			return s, err
		}
		if err := s.find(r, text); err != nil {
			return s, err
		}
	}
	if strings.ContainsAny(s.user+s.password, "\n\r\x00") {
		return s, errors.New("the credentials hold line breaks")
	}
	return s, nil
}

// find takes the credential of the remote's host from lines of https://user:password@host.
func (s *secrets) find(r Remote, text string) error {
	want, err := url.Parse(r.URL)
	if err != nil {
		return errors.New("the git URL can't be read")
	}
	for line := range strings.Lines(text) {
		u, err := url.Parse(strings.TrimSpace(line))
		if err != nil || u.Scheme != want.Scheme || !strings.EqualFold(u.Host, want.Host) {
			continue
		}
		if password, ok := u.User.Password(); ok {
			s.user, s.password = u.User.Username(), password
			return nil
		}
	}
	return fmt.Errorf("%s has no line %s://USER:PASSWORD@%s", r.CredentialFile, want.Scheme, want.Host)
}

// file is the answer of the credential helper, in memory; git's children get it as
// descriptor 3.
func (s secrets) file() (*os.File, error) {
	fd, err := unix.MemfdCreate("credential", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("keep the credential in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), "credential")
	if _, err := fmt.Fprintf(f, "username=%s\npassword=%s\n", s.user, s.password); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("keep the credential in memory: %w", err)
	}
	return f, nil
}

// helper prints descriptor 3; cat opens it anew, as git may ask more than once.
const helper = `!f() { test "$1" != get || cat /proc/self/fd/3; }; f`

// hide takes the secrets out of a text, also as an HTTP header has them: a server
// can send back what it was sent.
func (s secrets) hide(text string) string {
	hidden := append([]string{}, s.others...)
	if s.password != "" {
		hidden = append(hidden, s.password, url.QueryEscape(s.password), url.PathEscape(s.password),
			base64.StdEncoding.EncodeToString([]byte(s.user+":"+s.password)), base64.StdEncoding.EncodeToString([]byte(s.password)))
	}
	for _, h := range hidden {
		if h != "" {
			text = strings.ReplaceAll(text, h, "***")
		}
	}
	return text
}
