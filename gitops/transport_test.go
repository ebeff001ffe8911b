package gitops

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"havn.internal/gitops/git"
	"havn.internal/gitops/origin"
)

func tempFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHTTPSWithAPrivateCA(t *testing.T) {
	r := origin.New(t)
	first := r.Commit(spec)
	web := r.Serve()
	o := options(t, web.Address())
	follow(t, o).fails("certificate")
	o.Remote.CAFile = web.CAFile
	o.State = filepath.Join(t.TempDir(), "other")
	follow(t, o).accepts(first)
}

func TestCredentialsAreUsedRotatedAndKept(t *testing.T) {
	r := origin.New(t)
	first := r.Commit(spec)
	web := r.Serve()
	password := "s3cret-token-äß/+"
	web.Password.Store(&password)
	var log strings.Builder
	o := options(t, web.Address())
	o.Remote.CAFile = web.CAFile
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	follow(t, o).fails("asks for credentials")

	o.Remote.TokenFile = tempFile(t, "token", "wrong-token-123\n")
	f := follow(t, o)
	err := f.fails("does not accept the credentials")
	if err := os.WriteFile(o.Remote.TokenFile, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.accepts(first)
	if err := os.Chmod(o.Remote.TokenFile, 0o644); err != nil {
		t.Fatal(err)
	}
	follow(t, o).fails("everyone can read or change it; chmod 600 it")

	u, _ := url.Parse(web.URL)
	o.Remote.TokenFile = ""
	o.Remote.CredentialFile = tempFile(t, "credentials", "https://nobody:x@elsewhere.example\nhttps://anna:"+url.QueryEscape(password)+"@"+u.Host+"\n")
	o.State, o.Memory = filepath.Join(t.TempDir(), "other"), &memory{}
	follow(t, o).accepts(first)

	for _, secret := range []string{"wrong-token-123", password} {
		if strings.Contains(err.Error()+log.String(), secret) {
			t.Errorf("the secret is in %q or %q", err, log.String())
		}
		for _, dir := range []string{f.State, o.State} {
			if file := find(t, dir, secret); file != "" {
				t.Errorf("the secret is in %s", file)
			}
		}
	}
}

// find is the first file below dir that holds the text.
func find(t testing.TB, dir, text string) (found string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, i os.FileInfo, err error) error {
		if err != nil || i.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), text) {
			found = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A server can send back what it was sent, and can redirect to whom it likes.
func TestCredentialsDoNotLeakByTheServer(t *testing.T) {
	r := origin.New(t)
	r.Commit(spec)
	web := r.Serve()
	o := options(t, web.Address())
	o.Remote.CAFile = web.CAFile
	o.Remote.TokenFile = tempFile(t, "token", "s3cret-token")
	echo := func(out http.ResponseWriter, in *http.Request) bool {
		if in.Header.Get("Authorization") == "" {
			out.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			out.WriteHeader(http.StatusUnauthorized)
			return true
		}
		_, password, _ := in.BasicAuth()
		out.Header().Set("Content-Type", "text/plain; charset=utf-8")
		out.WriteHeader(http.StatusForbidden)
		_, _ = out.Write([]byte("you sent " + in.Header.Get("Authorization") + " and " + password + "\x1b[2J\n"))
		return true
	}
	web.Before.Store(&echo)
	err := follow(t, o).fails()
	for _, secret := range []string{"s3cret-token", "aGF2bjpzM2NyZXQtdG9rZW4", "\x1b"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q is in %q", secret, err)
		}
	}
	var asked atomic.Int64
	thief := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer thief.Close()
	redirect := func(out http.ResponseWriter, in *http.Request) bool {
		http.Redirect(out, in, thief.URL+in.URL.RequestURI(), http.StatusFound)
		return true
	}
	web.Before.Store(&redirect)
	follow(t, o).fails("redirects")
	if n := asked.Load(); n != 0 {
		t.Errorf("the other server was asked %d times", n)
	}
}

func TestPlainTransportsAreForTheAsking(t *testing.T) {
	r := origin.New(t)
	first := r.Commit(spec)
	web := r.ServePlain()
	o := options(t, web.Address())
	if _, err := NewGit(o); err == nil || !strings.Contains(err.Error(), "anybody on the way") {
		t.Errorf("http without being allowed: %v", err)
	}
	o.Remote.Plain = true
	follow(t, o).accepts(first)
}

func TestProxy(t *testing.T) {
	r := origin.New(t)
	first := r.Commit(spec)
	web := r.ServePlain()
	var through atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if in.Header.Get("Proxy-Authorization") != "Basic cHJveHk6dzByZA==" {
			out.Header().Set("Proxy-Authenticate", `Basic realm="proxy"`)
			out.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		through.Add(1)
		(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {}}).ServeHTTP(out, in)
	}))
	defer proxy.Close()
	o := options(t, web.Address())
	o.Remote.Plain = true
	o.Remote.Proxy = strings.Replace(proxy.URL, "://", "://proxy:wrong-w0rd@", 1)
	if err := follow(t, o).fails("407"); strings.Contains(err.Error(), "wrong-w0rd") {
		t.Errorf("the password is in %q", err)
	}
	o.Remote.Proxy = strings.Replace(proxy.URL, "://", "://proxy:w0rd@", 1)
	f := follow(t, o)
	f.accepts(first)
	if through.Load() == 0 {
		t.Error("the proxy was not used")
	}
	if file := find(t, o.State, "w0rd"); file != "" {
		t.Errorf("the password is in %s", file)
	}
}

func TestSSHWithPinnedHostKey(t *testing.T) {
	r := origin.New(t)
	first := r.Commit(spec)
	hostKey, deploy := origin.NewKey(t), origin.NewKey(t)
	server := origin.ServeSSH(t, hostKey, deploy)
	o := options(t, server.Address(r.Dir))
	o.Remote.KeyFile, o.Remote.KnownHostsFile = deploy.File, server.KnownHosts
	f := follow(t, o)
	f.accepts(first)

	second := r.Commit(map[string]string{"site.cue": "package site\nx: 1\n"})
	server.Pin(t, origin.NewKey(t))
	f.fails("host key")
	if err := os.WriteFile(server.KnownHosts, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.fails("host key")
	server.Pin(t, hostKey)
	f.accepts(second)

	o.Remote.KeyFile = origin.NewKey(t).File
	follow(t, o).fails("does not accept the deploy key")
}

func TestRemoteAwayIsNoReasonToChange(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	o := options(t, "https://"+addr+"/site.git")
	follow(t, o).fails("connect")

	r := origin.New(t)
	first := r.Commit(spec)
	f := follow(t, options(t, r.URL()))
	f.accepts(first)
	if err := os.Rename(r.Dir, r.Dir+".away"); err != nil {
		t.Fatal(err)
	}
	f.fails("ls-remote")
	// After a reboot the accepted revision is delivered, with the remote still away.
	f = f.again()
	if len(f.got) != 1 || f.got[0].Commit != first || contentOf(t, f.got[0], "site.cue") != "package site\n" {
		t.Fatalf("after a restart: %v", f.got)
	}
	f.fails("ls-remote")
	if err := os.Rename(r.Dir+".away", r.Dir); err != nil {
		t.Fatal(err)
	}
	f.accepts(r.Commit(map[string]string{"site.cue": "package site\nx: 1\n"}))
}

func TestRemoteAndRefAreChecked(t *testing.T) {
	for _, bad := range []git.Remote{
		{URL: "-uevil"}, {URL: "ext::sh -c id"}, {URL: "https://user:pw@host/x"}, {URL: "https://-host/x"},
		{URL: "ssh://-oProxyCommand=id/x", KeyFile: "/k", KnownHostsFile: "/h"}, {URL: "ssh://host/x"},
		{URL: "git@-host:x", KeyFile: "/k", KnownHostsFile: "/h"}, {URL: "git@host:-x", KeyFile: "/k", KnownHostsFile: "/h"},
		{URL: "git@host:x", KeyFile: "/k -o ProxyCommand=id", KnownHostsFile: "/h"}, {URL: "git@host:x", KeyFile: "/k", KnownHostsFile: "/h;id"},
		{URL: "git@host:x", KeyFile: "k", KnownHostsFile: "/h"}, {URL: "git://host/x"}, {URL: "http://host/x"}, {URL: "file://host/x"},
		{URL: "/a/path"}, {URL: "https://host/x\n[core]"}, {URL: "https://host/x y"}, {URL: "https://host/x?y"}, {URL: "ftp://host/x"},
		{URL: "https://host/x", KeyFile: "/k"}, {URL: "https://host/x", Proxy: "file:///x"}, {URL: "https://host/x", TokenFile: "/a", CredentialFile: "/b"},
		{URL: "http://host/x", Plain: true, TokenFile: "/a"}, {URL: "file:///x", TokenFile: "/a"}, {URL: ""}, {URL: "https:///x"}, {URL: "https://h%6f/x"},
	} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v is let through", bad)
		}
	}
	for _, good := range []git.Remote{
		{URL: "https://example.org/a/b.git"}, {URL: "https://anna@example.org:8443/a"}, {URL: "https://[::1]:3000/a", Proxy: "socks5://p:1080"},
		{URL: "git@github.com:acme/site.git", KeyFile: "/k", KnownHostsFile: "/h"}, {URL: "ssh://git@10.0.0.1:2222/srv/x", KeyFile: "/k", KnownHostsFile: "/h"},
		{URL: "file:///srv/git/site.git"}, {URL: "git://host/x", Plain: true},
	} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, bad := range []git.Ref{
		{}, {Branch: "-x"}, {Branch: "a..b"}, {Branch: "a b"}, {Branch: "a:b"}, {Tag: "a@{1}"}, {Branch: "a.lock"}, {Branch: "x", Tag: "y"},
		{Commit: "HEAD"}, {Commit: "abcdef1"}, {Semver: "x.y.z.w"}, {Semver: ""}, {Branch: "+main"}, {Branch: "refs/heads/*"},
	} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v is let through", bad)
		}
	}
	for _, bad := range []string{"/abs", "../up", "a/../b", "a//b", ".git", "a/.GIT/b", "a\\b", ".", "a/", "-x", "a\x00b", ":(top)"} {
		if err := git.CheckPath(bad); err == nil {
			t.Errorf("the path %q is let through", bad)
		}
	}
}

// hanging answers nothing until it is released.
func hanging() (before func(http.ResponseWriter, *http.Request) bool, release func()) {
	free := make(chan struct{})
	return func(_ http.ResponseWriter, in *http.Request) bool {
		select {
		case <-free:
		case <-in.Context().Done():
		}
		return true
	}, sync.OnceFunc(func() { close(free) })
}
