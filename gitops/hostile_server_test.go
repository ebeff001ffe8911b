package gitops

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"havn.internal/gitops/origin"
)

// An answer is what a server gives in place of the repository; false leaves that to
// the real one.
type answer func(http.ResponseWriter, *http.Request) bool

func status(code int, text string) answer {
	return func(out http.ResponseWriter, _ *http.Request) bool {
		out.Header().Set("Content-Type", "text/html")
		out.WriteHeader(code)
		_, _ = io.WriteString(out, text)
		return true
	}
}

// advertised answers the first request with the text, as git's protocol would.
func advertised(text string) answer {
	return func(out http.ResponseWriter, in *http.Request) bool {
		out.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		_, _ = io.WriteString(out, text)
		return in.Method == http.MethodGet
	}
}

// packs answers what asks for objects, and leaves the rest to the repository.
func packs(a answer) answer {
	return func(out http.ResponseWriter, in *http.Request) bool {
		if in.Method != http.MethodPost {
			return false
		}
		body, err := io.ReadAll(in.Body)
		in.Body = io.NopCloser(strings.NewReader(string(body)))
		if err != nil || !strings.Contains(string(body), "command=fetch") {
			return false
		}
		out.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		return a(out, in)
	}
}

// altered passes on what the repository answers, changed.
func altered(change func([]byte) []byte) answer {
	return func(out http.ResponseWriter, in *http.Request) bool {
		_, _ = out.Write(change(recorded(in)))
		return true
	}
}

// recorded is what the repository answers.
func recorded(in *http.Request) []byte {
	inner := httptest.NewRecorder()
	repository, _ := in.Context().Value(http.ServerContextKey).(*http.Server)
	in.Header.Set("X-Altered", "yes")
	repository.Handler.ServeHTTP(inner, in)
	return inner.Body.Bytes()
}

func turned(b []byte) []byte {
	b = slices.Clone(b)
	for i := len(b) / 2; i < len(b)-30; i += 7 {
		b[i] ^= 0x10
	}
	return b
}

func line(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }

// endless sends the text until the client has enough of it.
func endless(head, text string) answer {
	return func(out http.ResponseWriter, in *http.Request) bool {
		_, err := io.WriteString(out, head)
		for err == nil && in.Context().Err() == nil {
			_, err = io.WriteString(out, text)
		}
		return true
	}
}

func TestHostileServers(t *testing.T) {
	hang, _ := hanging()
	noise := line("\x02\x1b[31mremote\x07 noise\r\n")
	for name, c := range map[string]struct {
		answer answer
		says   string
	}{
		"a login page":            {status(200, "<html>log in</html>"), "not as a git server"},
		"not found":               {status(404, "gone"), "not found"},
		"forbidden":               {status(403, "\x1b[2Jno"), "403"},
		"broken":                  {status(500, "oops"), "500"},
		"a redirect to itself":    {redirect("/site.git/info/refs?service=git-upload-pack"), "redirects"},
		"a redirect to a file":    {redirect("file:///etc/passwd"), "redirects"},
		"garbage refs":            {advertised("\x00\x01\x02\x03garbage"), "ls-remote"},
		"an error for a terminal": {advertised(line("# service=git-upload-pack\n") + "0000" + line("ERR \x1b[2J\x1b]0;evil\x07no entry\n")), "no entry"},
		"refs without end":        {endless(line("# service=git-upload-pack\n")+"0000", line(strings.Repeat("1", 40)+" refs/heads/main\n")), "ls-remote"},
		"a ref that is a path":    {advertised(line("# service=git-upload-pack\n") + "0000" + line(strings.Repeat("1", 40)+" refs/heads/../../../../etc/evil\n") + "0000"), "no branch main"},
		"an odd ref":              {advertised(line("# service=git-upload-pack\n") + "0000" + line(strings.Repeat("1", 40)+" refs/heads/main;touch x\n") + "0000"), "no branch main"},
		"no answer":               {hang, "longer than"},
		"no pack":                 {packs(status(200, "")), "fetch"},
		"a pack of garbage":       {packs(status(200, line("packfile\n")+line("\x01PACKgarbage garbage garbage")+"0000")), "fetch"},
		"a pack without end":      {packs(endless(line("packfile\n"), line("\x01"+strings.Repeat("PACK", 1000)))), "fetch"},
		"noise without end":       {packs(endless(line("packfile\n"), noise)), "fetch"},
		"a pack cut short":        {packs(altered(func(b []byte) []byte { return b[:len(b)*2/3] })), "fetch"},
		"a pack with bits turned": {packs(altered(turned)), "fetch"},
		"another commit":          {packs(status(200, line("packfile\n")+line("\x01PACK\x00\x00\x00\x02\x00\x00\x00\x00\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e")+"0000")), "fetch"},
		"shallow lies":            {packs(status(200, line("shallow-info\n")+line("shallow "+strings.Repeat("2", 40))+"0001"+line("packfile\n")+"0000")), "fetch"},
		"other packs":             {packs(status(200, line("packfile-uris\n")+line(strings.Repeat("2", 40)+" file:///etc/passwd\n")+"0001"+line("packfile\n")+"0000")), "fetch"},
	} {
		t.Run(name, func(t *testing.T) { serverCase(t, c.answer, c.says) })
	}
}

func redirect(to string) answer {
	return func(out http.ResponseWriter, in *http.Request) bool {
		http.Redirect(out, in, to, http.StatusMovedPermanently)
		return true
	}
}

func serverCase(t *testing.T, a answer, says string) {
	t.Parallel()
	r := origin.New(t)
	web := r.Serve()
	o := options(t, web.Address())
	o.Remote.CAFile = web.CAFile
	o.Limits.Pack = 8 << 20
	f := follow(t, o)
	first := r.Commit(site(1))
	f.accepts(first)
	around := listing(t, filepath.Dir(o.State))
	r.Commit(site(2))
	before := func(out http.ResponseWriter, in *http.Request) bool {
		return in.Header.Get("X-Altered") == "" && a(out, in)
	}
	web.Before.Store(&before)
	f.mirror.Limits.Remote = 10 * time.Second
	err := f.ask()
	f.refused(err, says, first)
	if held := new(Held); errors.As(err, &held) && held.Commit != "" {
		t.Errorf("the commit is held for what the server does: %v", err)
	}
	if now := listing(t, filepath.Dir(o.State)); !slices.Equal(now, around) {
		t.Errorf("what is around changed from %q to %q", around, now)
	}
	web.Before.Store(nil)
	f.mirror.Limits.Remote = o.Limits.Remote
	f.accepts(r.Commit(site(3)))
}
